// Without a script, or where a browser has no clipboard for it, the text is marked and copied by hand.
for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!navigator.clipboard) break;
  const text = document.getElementById(button.dataset.copies);
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  button.after(said);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      said.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      said.textContent = "Marked: copy it with the keyboard";
    }
  });
}
