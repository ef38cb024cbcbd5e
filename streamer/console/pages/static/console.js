"use strict";
// Keys, and the announcement of new alerts.  Every page works without this file.

const rows = () => Array.from(document.querySelectorAll("a.row"));

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)].focus();
}

function press(id) {
  const button = document.getElementById(id);
  if (button) button.click();
}

function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
  const action = {
    j: () => move(1),
    k: () => move(-1),
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

// The slider asks the model again; without this file its button does.
const ask = document.getElementById("ask");
if (ask) {
  let waiting = 0;
  let asked = 0;
  const show = async () => {
    const mine = ++asked;
    const address = `${ask.action}?${new URLSearchParams(new FormData(ask))}`;
    try {
      const page = new DOMParser().parseFromString(await (await fetch(address)).text(), "text/html");
      const found = page.getElementById("answer");
      const place = document.getElementById("answer");
      if (mine !== asked || !place) return;
      // The region stays, so that a screen reader is told what is new in it.
      if (found) place.replaceChildren(...found.childNodes);
      else place.textContent = "The model could not be asked: load the page again.";
    } catch {
      const place = document.getElementById("answer");
      if (place) place.textContent = "The console does not answer: try again in a moment.";
    }
  };
  ask.addEventListener("input", (event) => {
    const told = ask.querySelector(`output[for="${event.target.id}"]`);
    if (told) told.textContent = event.target.value;
    clearTimeout(waiting);
    waiting = setTimeout(show, 150);
  });
  ask.addEventListener("submit", (event) => {
    event.preventDefault();
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
