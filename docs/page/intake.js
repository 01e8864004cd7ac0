// Files that come to the page: by a button, dropped anywhere, or pasted.

import { isModel } from './models.js';

/** Hands each file to `model` or `photograph`. */
export function takeFiles({ model, photograph }) {
  const take = async (file) => ((await isModel(file)) ? model(file) : photograph(file));

  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dragging');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('dragging');
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
  document.addEventListener('paste', (event) => {
    const [file] = event.clipboardData.files;
    if (file) take(file);
  });
  return take;
}

/** Has a button open a file by a hidden input. */
export function fileButton(button, input, take) {
  button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const [file] = input.files;
    // The same file again is a change, too.
    input.value = '';
    if (file) take(file);
  });
}

/** Has the browser save bytes as a file. */
export function save(bytes, name) {
  const address = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = Object.assign(document.createElement('a'), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
