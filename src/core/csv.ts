/** @file CSV rows after RFC 4180, of which no cell is a formula to a spreadsheet. */

/** What spreadsheets begin a formula by; quotes before it are those that {@link csvCell} put there. */
const formula = /^'*[=+\-@\t\r]/;

/**
 * A cell. Text with commas, quotes or line breaks is quoted; text that a spreadsheet would take for a formula gets an
 * apostrophe before it, which {@link csvText} takes away again. Numbers stay as they are; null is empty.
 */
export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = formula.test(value) ? `'${value}` : value;
  return /[",\r\n]|^\s|\s$|^\uFEFF/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One row with its line break (a line feed). */
export function csvRow(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(',')}\n`;
}

/** The text of a parsed cell that {@link csvCell} wrote. */
export function csvText(cell: string): string {
  return cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell;
}
