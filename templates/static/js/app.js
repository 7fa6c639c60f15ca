/* What a page gains when scripts run; every page works without them. */
"use strict";

/* A form is sent once: the second click of a double click, or an impatient one, does nothing. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "get" || form.hasAttribute("data-again")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  const button = event.submitter;
  if (!button) return;
  // After this turn: a button disabled before sending would not be sent with the form.
  setTimeout(() => {
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
  });
});

/* Back to a page the browser kept: its form may be sent again. */
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy=true]")) {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    }
  }
});

/* Menus are <details>: close them by Escape (focus goes back) and by a click elsewhere. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = [...document.querySelectorAll("details.menu[open]")].pop();
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

/* Dialogs open by command/commandfor on their own; this is for browsers that do not know it yet. */
if (!("commandForElement" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (!dialog) return;
    if (button.getAttribute("command") === "show-modal") dialog.showModal();
    else dialog.close();
  });
}

/* A message that something was done leaves after a while, unless the reader is on it. */
const TOAST_MS = 10000;
for (const toast of document.querySelectorAll(".toast[data-leaves]")) {
  const leave = () => {
    if (toast.matches(":hover, :focus-within")) return void setTimeout(leave, TOAST_MS);
    toast.classList.add("leaving");
    setTimeout(() => toast.remove(), 200);
  };
  setTimeout(leave, TOAST_MS);
}

/* The list of what went wrong is where reading should go on. */
document.querySelector(".error-summary")?.focus();

/* The answer to a wrong step stands in the history as the step itself: back and reload ask for the page again
   instead of sending the form again. */
if (document.querySelector(".wizard-top .error-summary")) history.replaceState(history.state, "", location.href);

/* A level chosen while prices or figures were on their way stays chosen: what comes in was made before it. The fields
   themselves stay where they are (outerMorph), so a key pressed meanwhile meets the field it was meant for. */
let chosen = document.querySelector("#prices input:checked")?.value;
document.addEventListener("change", (event) => {
  if (event.target.matches("#prices input")) chosen = event.target.value;
});
document.addEventListener("htmx:after:swap", () => {
  for (const input of document.querySelectorAll("#prices input")) {
    if (input.value === chosen && !input.disabled) input.checked = true;
  }
});
