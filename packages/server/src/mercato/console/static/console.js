// Comfort for those who let scripts run; every page works without it.

const status = document.getElementById("status");

function say(text) {
  if (status) status.textContent = text;
}

document.addEventListener("click", async (event) => {
  const copier = event.target.closest("[data-copy]");
  if (copier) {
    const source = document.getElementById(copier.dataset.copy);
    await navigator.clipboard.writeText(source.textContent.trim());
    say("Copied.");
    const label = copier.textContent;
    copier.textContent = "Copied";
    setTimeout(() => (copier.textContent = label), 1500);
  }
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.dialog).showModal();
  }
  const closer = event.target.closest("[data-close]");
  if (closer) closer.closest("dialog").close();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    document.getElementById("find")?.focus();
  }
  // One step on or back: to the next page of a queue, or to the next row of its list.
  if ((event.key === "j" || event.key === "k") && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    document.querySelector(`[data-key="${event.key}"]`)?.click();
    const rows = [...document.querySelectorAll("[data-row]")];
    const at = rows.indexOf(document.activeElement);
    rows[event.key === "j" ? at + 1 : Math.max(at - 1, 0)]?.focus();
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

for (const hidden of document.querySelectorAll("[data-script]")) hidden.hidden = false;

// What is wider than its box can be scrolled by keyboard, where nothing in it takes the focus.
function reachScrollers() {
  for (const box of document.querySelectorAll(".scroll, pre")) {
    if (box.scrollWidth > box.clientWidth && !box.querySelector("a, button, input, select, textarea, summary")) {
      box.tabIndex = 0;
    }
  }
}
reachScrollers();
addEventListener("resize", reachScrollers);

// An answer that streams is shown as it comes; every other one is the form's own page.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-stream]");
  if (!form || event.defaultPrevented || !/"stream"\s*:\s*true/.test(form.elements.body?.value ?? "")) return;
  event.preventDefault();
  const [panel, shown, figures] = ["streamed", "streamed-text", "streamed-figures"].map((id) => document.getElementById(id));
  const began = performance.now();
  panel.hidden = false;
  shown.textContent = "";
  say("The call has begun.");
  const answer = await fetch(form.dataset.stream, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  delete form.dataset.sent;
  if (!answer.headers.get("x-tried-status")) return form.submit();
  const first = performance.now() - began;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) shown.textContent += part.value;
  const total = performance.now() - began;
  figures.textContent = `${answer.headers.get("x-tried-status")} · first byte ${first.toFixed(0)} ms · total ${total.toFixed(0)} ms`;
  const link = document.getElementById("streamed-call");
  link.href = `${link.dataset.base}${encodeURIComponent(answer.headers.get("x-tried-request"))}`;
  link.hidden = false;
  say("The call has ended.");
});

// What a page waits for: it is asked again while somebody looks, and shown once it changed.
const watched = document.querySelector("[data-watch][data-seconds]");
if (watched) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.querySelector("[data-watch]");
    if (answer.ok && now && now.dataset.watch !== watched.dataset.watch) location.reload();
  }, Number(watched.dataset.seconds) * 1000);
}

// Parts that renew themselves rest while nobody sees the page, and stay as they are where an answer is of no use.
const isRenewal = (event) => event.detail.ctx?.sourceEvent?.type === "every";

document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden && isRenewal(event)) event.preventDefault();
});

let focused = null;
let told = "";

document.addEventListener("htmx:before:swap", (event) => {
  const { response } = event.detail.ctx;
  focused = document.activeElement?.id || null;
  if (response?.raw?.redirected) {
    // The session ended elsewhere: the sign-in page is a page, not a part of this one.
    event.preventDefault();
    location.reload();
  } else if (isRenewal(event) && response?.status >= 400) {
    event.preventDefault();
    tellOnce("This part could not be renewed. It is tried again.");
  }
});

function tellOnce(text) {
  if (text !== told) say(text);
  told = text;
}

document.addEventListener("htmx:after:swap", () => {
  reachScrollers();
  for (const hidden of document.querySelectorAll("[data-script]")) hidden.hidden = false;
  const news = document.querySelector("[data-status]");
  if (news) tellOnce(news.dataset.status);
  // Focus that a swap took away goes back to the same element, or to the content.
  if (focused && document.activeElement === document.body) {
    (document.getElementById(focused) ?? document.getElementById("main"))?.focus({ preventScroll: true });
  }
});
