/**
 * @file The only script of a report: plays sounds and opens the lists behind a matrix. Without it, or where it is not
 * allowed, everything else of the page is there.
 */

/** One sound plays at a time; a second press stops it. Arrow keys move between the cells of a matrix. */
export const reportScript = `(() => {
'use strict';
const sounds = new Map([...document.querySelectorAll('audio')].map((a) => [a.dataset.key, a]));
let current = null;
const stop = () => {
  if (current === null) return;
  const { audio, button } = current;
  current = null;
  audio.pause();
  audio.currentTime = 0;
  button.classList.remove('playing');
  button.style.removeProperty('--at');
  button.setAttribute('aria-pressed', 'false');
};
const draw = () => {
  if (current === null) return;
  const { audio, button } = current;
  button.style.setProperty('--at', audio.duration > 0 ? String(audio.currentTime / audio.duration) : '0');
  requestAnimationFrame(draw);
};
const play = (button) => {
  const again = current !== null && current.button === button;
  stop();
  const audio = sounds.get(button.dataset.sound);
  if (again || audio === undefined) return;
  current = { audio, button };
  button.classList.add('playing');
  button.setAttribute('aria-pressed', 'true');
  audio.onended = stop;
  audio.play().catch(stop);
  draw();
};
const open = (button) => {
  const box = button.closest('.matrix-box');
  const chosen = button.getAttribute('aria-expanded') === 'true' ? null : button.dataset.panel;
  for (const other of box.querySelectorAll('button[data-panel]')) {
    other.setAttribute('aria-expanded', String(other.dataset.panel === chosen));
  }
  for (const panel of box.querySelectorAll('.panel')) panel.hidden = panel.id !== chosen;
  if (chosen === null) return;
  const panel = document.getElementById(chosen);
  panel.querySelector('h3').focus({ preventScroll: true });
  panel.scrollIntoView({ block: 'nearest', behavior: 'instant' });
};
document.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button === null) return;
  if (button.dataset.sound !== undefined) play(button);
  else if (button.dataset.panel !== undefined) open(button);
});
const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') stop();
  const step = steps[event.key];
  const cell = event.target.closest('table.matrix td');
  if (step === undefined || cell === null) return;
  const rows = cell.closest('table').rows;
  let row = cell.parentElement.rowIndex + step[0];
  let column = cell.cellIndex + step[1];
  while (row > 0 && column > 0 && rows[row] !== undefined && rows[row].cells[column] !== undefined) {
    const button = rows[row].cells[column].querySelector('button');
    if (button !== null) {
      button.focus();
      event.preventDefault();
      return;
    }
    row += step[0];
    column += step[1];
  }
});
})();
`;
