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
