"use strict";
// Keys, and the announcement of new alerts.  Every page works without this file.

const rows = () => Array.from(document.querySelectorAll("a.row"));

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(rowAt(document.activeElement));
  all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)].focus();
}

// The row of what has the focus: itself, or the one beside a box to tick.
function rowAt(element) {
  return element.closest("li")?.querySelector("a.row") ?? null;
}

function tick() {
  const box = rowAt(document.activeElement)?.closest("li").querySelector("input[type=checkbox]");
  if (box) box.click();
}

function press(id) {
  const button = document.getElementById(id);
  if (button) button.click();
}

function isTyping(target) {
  // A slider or a box takes no letters.
  const typed = "input:not([type=range]):not([type=checkbox]), textarea, select";
  return target instanceof Element && target.closest(typed) !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
  const action = {
    j: () => move(1),
    k: () => move(-1),
    x: tick,
    o: () => press("open-ticked"),
    c: () => press("claim"),
    f: () => press("fraud"),
    l: () => press("legitimate"),
    u: () => press("undo"),
    "?": () => press("help"),
  }[event.key];
  if (action) {
    event.preventDefault();
    action();
  } else if (event.key === "Enter" && event.target === document.body && rows().length) {
    rows()[0].click();
  }
});

// A form is sent once, however often its button is pressed; the server sees to it as well.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});

const told = document.getElementById("n-ticked");
if (told) {
  const none = told.textContent;
  document.addEventListener("change", () => {
    const boxes = document.querySelectorAll("input[type=checkbox]:checked");
    const n = Array.from(boxes).reduce((sum, box) => sum + box.value.split(" ").length, 0);
    told.textContent = n ? `${n} ${n === 1 ? "alert" : "alerts"} ticked` : none;
  });
}

const arrivals = document.getElementById("arrivals");
if (arrivals) {
  const events = new EventSource(`/events?since=${arrivals.dataset.since}`);
  events.onmessage = (event) => {
    const n = Number(event.data);
    if (!(n > 0)) return;
    const link = document.createElement("a");
    link.href = window.location.href;
    link.textContent = "Load the queue again";
    arrivals.replaceChildren(`${n} new ${n === 1 ? "alert has" : "alerts have"} come. `, link);
    arrivals.hidden = false;
  };
}

// A form of sliders asks its page as they are moved; without this file its button does.  What it says
// has changed (data-live) takes the place of what stands here.
for (const form of document.querySelectorAll("form[data-live]")) {
  let waiting = 0;
  let asked = 0;
  const places = form.dataset.live.split(" ").map((id) => document.getElementById(id));
  const answer = document.getElementById("answer");
  const show = async () => {
    const mine = ++asked;
    const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
    try {
      const page = new DOMParser().parseFromString(await (await fetch(address)).text(), "text/html");
      const found = places.map((place) => page.getElementById(place?.id));
      if (mine !== asked || !answer) return;
      // The region stays, so that a screen reader is told what is new in it.
      if (found.includes(null)) answer.textContent = "It could not be asked: load the page again.";
      else places.forEach((place, i) => place.replaceChildren(...found[i].childNodes));
      for (const slider of form.querySelectorAll("[aria-valuetext]")) {
        const text = page.getElementById(slider.id)?.getAttribute("aria-valuetext");
        if (text) slider.setAttribute("aria-valuetext", text);
      }
    } catch {
      if (answer) answer.textContent = "The console does not answer: try again in a moment.";
    }
  };
  form.addEventListener("input", (event) => {
    const told = form.querySelector(`output[for="${event.target.id}"]`);
    if (told) told.textContent = event.target.value;
    clearTimeout(waiting);
    waiting = setTimeout(show, 150);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    show();
  });
}

// A verdict is learned some seconds after it was sent: look again until it is, for a minute.
const taught = document.querySelector('section[data-state="learning"]');
if (taught) {
  let left = 12;
  const again = setInterval(async () => {
    if (--left < 0) return clearInterval(again);
    try {
      const page = new DOMParser().parseFromString(await (await fetch(window.location.href)).text(), "text/html");
      const found = page.querySelector("section[data-state]");
      if (!found || found.dataset.state === "learning") return;
      clearInterval(again);
      taught.replaceChildren(...found.childNodes);
    } catch {
      // The next look may be answered.
    }
  }, 5000);
}
