// What a page can do beyond HTML: copy, ask before what cannot be undone, and show times where the reader is.
"use strict";

const parts = {
  day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
};
const thisYear = new Intl.DateTimeFormat(undefined, parts);
const anyYear = new Intl.DateTimeFormat(undefined, { ...parts, year: "numeric" });

function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    const shown = (moment.getFullYear() === new Date().getFullYear() ? thisYear : anyYear).format(moment);
    if (time.textContent !== shown) time.textContent = shown;
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const label = button.getAttribute("aria-label");
  button.setAttribute("aria-label", "Copied");
  button.classList.add("good", "toned");
  setTimeout(() => {
    button.setAttribute("aria-label", label);
    button.classList.remove("good", "toned");
  }, 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

document.addEventListener("submit", (event) => {
  // what a button asks goes before what its form does: one that changes nothing asks ""
  const question = event.submitter?.dataset.asks ?? event.target.dataset.asks;
  if (question && !confirm(question)) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  const writing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector("[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

// A frame that a form's button fills, so that what it shows has a policy of its own; one that is new leaves no step back.
function fillFrames() {
  for (const frame of document.querySelectorAll("iframe[data-filled-by]:not([data-filled])")) {
    const button = document.getElementById(frame.dataset.filledBy);
    frame.dataset.filled = "yes";
    button.form.requestSubmit(button);
  }
}

function arrange() {
  localize(document);
  fillFrames();
}

document.addEventListener("htmx:after:swap", arrange);
arrange();
