// Makes the tables of the page sortable and filterable. Without it the page shows
// the same, in the order of the report. It only moves and hides rows that are
// there: no text becomes markup.
'use strict';
(() => {
  const order = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

  // A cell sorts by its data-value where it has one, as a number, else by its text.
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  };
  const compare = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : order.compare(a, b));

  // Rows without a value stay at the end whichever way the others are sorted.
  const sort = (table, column, direction) => {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => ({ row, key: value(row, column) }));
    const empty = (entry) => entry.key === '' || entry.key === -1;
    rows.sort((a, b) => empty(a) - empty(b) || direction * compare(a.key, b.key));
    body.append(...rows.map((entry) => entry.row));
  };

  const sortable = (table) => {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'sort';
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener('click', () => {
        const first = head.dataset.first || 'ascending';
        const other = first === 'ascending' ? 'descending' : 'ascending';
        const next = head.getAttribute('aria-sort') === first ? other : first;
        heads.forEach((h) => h.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', next);
        sort(table, column, next === 'ascending' ? 1 : -1);
      });
    });
  };

  const filterable = (form) => {
    const table = document.getElementById(form.dataset.for);
    const rows = Array.from(table.tBodies[0].rows, (row) => ({ row, text: row.textContent.toLowerCase() }));
    const status = form.querySelector('[role="status"]');
    const { text, word, decisive } = form.elements;
    const apply = () => {
      const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { row, text: content } of rows) {
        const show = wanted.every((w) => content.includes(w)) &&
          (word.value === '' || row.dataset.word === word.value) &&
          (!decisive || !decisive.checked || 'decisive' in row.dataset);
        row.hidden = !show;
        shown += show ? 1 : 0;
      }
      status.textContent = shown === rows.length ? `${rows.length} shown` : `${shown} of ${rows.length} shown`;
    };
    let pending = 0;
    form.addEventListener('input', () => {
      cancelAnimationFrame(pending);
      pending = requestAnimationFrame(apply);
    });
    form.addEventListener('submit', (event) => event.preventDefault());
    form.hidden = false;
    apply();
  };

  document.querySelectorAll('table[data-table]').forEach(sortable);
  document.querySelectorAll('form.filter').forEach(filterable);
})();
