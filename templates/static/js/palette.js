/* The palette (Ctrl+K): what one types is asked of /search, and the answer is a list to walk with the arrows. Links that
   lead to /search open it; without a script they lead there. And single letters that lead to pages of the sidebar. */
"use strict";

const palette = document.getElementById("palette");
const keys = document.getElementById("shortcuts");

if (palette) {
  const input = palette.querySelector("[role=combobox]");
  const list = palette.querySelector("[role=listbox]");
  const told = palette.querySelector(".told");
  const network = palette.querySelector("[name=network]")?.value || "";
  let asked = null;

  const options = () => [...list.querySelectorAll("[role=option]")];
  const current = () => list.querySelector("[aria-selected=true]");

  function select(option) {
    current()?.setAttribute("aria-selected", "false");
    if (!option) return void input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  }

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const wanted = new URLSearchParams({ q: input.value, network });
    try {
      const answer = await fetch(`/search?${wanted}`, { headers: { "hx-request": "true" }, signal: asked.signal });
      // Signed out meanwhile: the page about it, not its text in the list.
      if (answer.redirected || !answer.ok) return void location.assign(`/search?${wanted}`);
      list.innerHTML = await answer.text();
    } catch (error) {
      if (error.name !== "AbortError") location.assign(`/search?${wanted}`);
      return;
    }
    const found = options();
    input.setAttribute("aria-expanded", String(found.length > 0));
    const words = { 0: told.dataset.none, 1: told.dataset.one };
    told.textContent = words[found.length] || told.dataset.many.replace("{n}", found.length);
    select(found[0]);
  }

  function open() {
    if (palette.open) return;
    document.querySelectorAll("details.menu[open]").forEach((menu) => (menu.open = false));
    palette.showModal();
    input.select();
    ask();
  }

  function walk(event) {
    const found = options();
    const at = found.indexOf(current());
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: found.length - 1 }[event.key];
    if (to === undefined || !found.length || (event.key.length > 7 && event.shiftKey)) return;
    if ((event.key === "Home" || event.key === "End") && input.value) return;
    event.preventDefault();
    select(found[(to + found.length) % found.length]);
  }

  input.addEventListener("input", ask);
  input.addEventListener("keydown", walk);
  palette.querySelector("form").addEventListener("submit", (event) => {
    const chosen = current();
    if (!chosen) return;
    event.preventDefault();
    location.assign(chosen.href);
  });
  palette.addEventListener("click", (event) => {
    if (event.target === palette) palette.close();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    if (palette.open) palette.close();
    else open();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-palette]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });

  /* Single letters, WCAG 2.1.4: not in fields, not with a modifier, and the reader can turn them off. */
  const OFF = "klynge-letters-off";
  const letters = keys.querySelector("#letters");
  const rows = keys.querySelector("dl");
  letters.checked = !localStorage.getItem(OFF);
  letters.addEventListener("change", () => {
    if (letters.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "yes");
  });
  const places = new Map();
  for (const link of document.querySelectorAll(".side a[data-key]")) {
    places.set(link.dataset.key, link);
    const row = document.createElement("div");
    const [name, letter, key] = ["dt", "dd", "kbd"].map((each) => document.createElement(each));
    name.textContent = link.dataset.name;
    key.textContent = link.dataset.key.toUpperCase();
    letter.append(key);
    row.append(name, letter);
    rows.append(row);
  }
  document.addEventListener("keydown", (event) => {
    if (!letters.checked || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, [contenteditable], dialog")) return;
    if (event.key === "?") keys.showModal();
    else if (event.key === "/") open();
    else if (!places.has(event.key)) return;
    else places.get(event.key).click();
    event.preventDefault();
  });
  for (const button of document.querySelectorAll("button[data-keys]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      button.closest("details").open = false;
      keys.showModal();
    });
  }
}
