/** Reviewing by keyboard: digits choose in the first question that is open or in the one in focus, Ctrl+Enter saves, s skips. */

const TYPED = "textarea, select, input:not([type=radio], [type=checkbox])";

function openQuestion(form) {
  const focused = document.activeElement?.closest("#review fieldset");
  const choosing = [...form.querySelectorAll("fieldset")].filter((field) => field.querySelector("[type=radio], [type=checkbox]"));
  if (choosing.includes(focused)) return focused;
  return choosing.find((field) => !field.querySelector(":checked")) ?? choosing[0];
}

function choose(form, number) {
  const question = openQuestion(form);
  const box = question?.querySelectorAll("[type=radio], [type=checkbox]")[number - 1];
  if (!box) return;
  box.click();
  // The next digit answers the next question; where several may be chosen it stays.
  if (box.type === "radio") document.activeElement?.blur();
  else box.focus();
}

document.addEventListener("keydown", (event) => {
  const form = document.getElementById("review");
  if (!form || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.querySelector("button[value=complete]")?.click();
    return;
  }
  if (event.target.matches(TYPED) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^[1-9]$/.test(event.key)) choose(form, Number(event.key));
  if (event.key === "s") form.querySelector("[data-skip]")?.click();
});
