/* Passkeys: the one thing of signing in that needs a script. Each button stands hidden in the page until the browser
   can do it, under the name passkeys are bound to (data-party). Asks and answers are JSON; texts come from the page. */
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
const words = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const listed = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

function asked(options) {
  const out = { ...options, challenge: bytes(options.challenge) };
  if (options.user) out.user = { ...options.user, id: bytes(options.user.id) };
  if (options.allowCredentials) out.allowCredentials = listed(options.allowCredentials);
  if (options.excludeCredentials) out.excludeCredentials = listed(options.excludeCredentials);
  return out;
}

function answered(credential) {
  const said = credential.response;
  const response = { clientDataJSON: words(said.clientDataJSON) };
  if (said.attestationObject) {
    response.attestationObject = words(said.attestationObject);
    response.transports = said.getTransports ? said.getTransports() : [];
  } else {
    response.authenticatorData = words(said.authenticatorData);
    response.signature = words(said.signature);
    response.userHandle = said.userHandle ? words(said.userHandle) : null;
  }
  return {
    id: credential.id,
    rawId: words(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

async function send(path, token, body) {
  const headers = { "content-type": "application/json" };
  if (token) headers["x-csrf-token"] = token;
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), redirect: "manual" });
  if (answer.type === "opaqueredirect") {
    // It is a while since the reader signed in: that first, then back to this page.
    return void location.assign(`/account/confirm?back=${encodeURIComponent(location.pathname)}`);
  }
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error || "");
  return found;
}

async function run(button, place) {
  const { path, back } = button.dataset;
  const token = document.querySelector("input[name=_csrf_token]")?.value;
  const name = document.getElementById(button.dataset.name || "")?.value || "";
  const isNew = button.dataset.passkey === "new";
  const told = place.querySelector("[data-told]");
  told.textContent = "";
  button.disabled = true;
  try {
    const options = await send(`${path}/options`, token, {});
    if (!options) return;
    const publicKey = asked(options);
    const made = isNew ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey });
    const done = await send(path, token, { credential: answered(made), back: back || "", ...(isNew ? { name } : {}) });
    if (done) location.assign(done.location);
  } catch (error) {
    told.textContent = error.name === "Error" && error.message ? error.message : button.dataset.failed;
    button.disabled = false;
  }
}

for (const place of document.querySelectorAll("[data-passkeys]")) {
  const here = window.PublicKeyCredential && location.hostname === place.dataset.party;
  place.hidden = false;
  for (const each of place.querySelectorAll("[data-can]")) each.hidden = !here;
  for (const each of place.querySelectorAll("[data-cannot]")) each.hidden = here;
  for (const button of place.querySelectorAll("button[data-passkey]")) {
    button.addEventListener("click", () => run(button, place));
  }
}
