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
  // A letter does what its button does, or goes to its field; j and k also step through the rows of a list.
  if (/^[a-z]$/.test(event.key) && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const meant = document.querySelector(`[data-key="${event.key}"]`);
    if (meant) {
      event.preventDefault();
      if (meant.matches("input, textarea, select")) meant.focus();
      else meant.click();
    }
    const rows = event.key === "j" || event.key === "k" ? [...document.querySelectorAll("[data-row]")] : [];
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

// The form made its call; sent again it makes another one.
const renewAttempt = (form) => (form.elements.attempt.value = crypto.getRandomValues(new Uint32Array(4)).join("-"));

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  // A download leaves the page as it is.
  if (event.submitter?.name === "file") return void setTimeout(renewAttempt, 0, event.target);
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
function wantsStream(form) {
  return form.elements["f/stream"]?.value === "true" || /"stream"\s*:\s*true/.test(form.elements.body?.value ?? "");
}

// What an event of a stream adds to the text, in the shapes of OpenAI and Anthropic.
function textOf(line) {
  if (!line.startsWith("data:")) return "";
  try {
    const event = JSON.parse(line.slice(5));
    return event.choices?.[0]?.delta?.content ?? event.choices?.[0]?.text ?? event.delta?.text ?? "";
  } catch {
    return "";
  }
}

function figure(name, value) {
  const stat = document.createElement("div");
  stat.className = "stat";
  for (const text of [name, value]) stat.append(Object.assign(document.createElement("span"), { textContent: text }));
  return stat;
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-stream]");
  if (!form || event.defaultPrevented || event.submitter?.name || !wantsStream(form)) return;
  event.preventDefault();
  const part = (name) => document.getElementById(`streamed-${name}`);
  const [shown, raw, figures, call] = ["text", "raw", "figures", "call"].map(part);
  const began = performance.now();
  document.getElementById("streamed").hidden = false;
  for (const each of [shown, raw, figures, call]) each.replaceChildren();
  say("The call has begun.");
  const answer = await fetch(form.dataset.stream, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  delete form.dataset.sent;
  renewAttempt(form);
  if (!answer.headers.get("x-tried-status")) return form.submit();
  const first = performance.now() - began;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    raw.append(piece.value);
    const lines = (rest + piece.value).split("\n");
    rest = lines.pop();
    shown.append(lines.map(textOf).join(""));
  }
  if (!shown.textContent) shown.textContent = raw.textContent;
  const ms = (span) => `${span.toFixed(0)} ms`;
  figures.append(figure("Status", answer.headers.get("x-tried-status")), figure("First byte", ms(first)));
  figures.append(figure("Total", ms(performance.now() - began)));
  say("The call has ended.");
  const metered = await fetch(call.dataset.base + encodeURIComponent(answer.headers.get("x-tried-request")));
  const page = new DOMParser().parseFromString(await metered.text(), "text/html");
  call.append(page.getElementById("figures") ?? "");
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
let announced = "";

document.addEventListener("htmx:before:swap", (event) => {
  const { response } = event.detail.ctx;
  focused = document.activeElement?.id || null;
  if (response?.raw?.redirected) {
    // The session ended elsewhere: the sign-in page is a page, not a part of this one.
    event.preventDefault();
    location.reload();
  } else if (isRenewal(event) && response?.status >= 400) {
    event.preventDefault();
    announceOnce("This part could not be renewed. It is tried again.");
  }
});

function announceOnce(text) {
  if (text !== announced) say(text);
  announced = text;
}

document.addEventListener("htmx:after:swap", () => {
  reachScrollers();
  for (const hidden of document.querySelectorAll("[data-script]")) hidden.hidden = false;
  const news = document.querySelector("[data-status]");
  if (news) announceOnce(news.dataset.status);
  // Focus that a swap took away goes back to the same element, or to the content.
  if (focused && document.activeElement === document.body) {
    (document.getElementById(focused) ?? document.getElementById("main"))?.focus({ preventScroll: true });
  }
});

// The time that is left of viewing as somebody else; the page is left when it is over. The server says how long that is,
// because the clock of this computer may be wrong: an early one would load the page again and again.
const until = document.querySelector("[data-left]");
if (until) {
  const ends = Date.now() + Number(until.dataset.left) * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
    until.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} left`;
    if (left > 0) return;
    clearInterval(ticking);
    location.assign(document.querySelector(".brand").href);
  };
  const ticking = setInterval(tick, 1000);
  tick();
}
