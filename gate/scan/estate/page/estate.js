// Shows a window of the table of images: of a hundred thousand rows only those in
// sight exist. It makes text of data, never markup, and asks nobody for anything.
'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId('data').textContent);
  byId('data').remove();
  const count = data.names.length;
  const scroll = byId('scroll');
  const table = byId('table');
  const body = table.tBodies[0];
  const form = byId('filter');
  const status = form.querySelector('[role="status"]');
  const fields = form.elements;
  const detail = byId('detail');
  const heads = Array.from(table.tHead.rows[0].cells);
  const number = new Intl.NumberFormat('en');
  const verdictWords = { a: 'allowed', d: 'denied', u: 'undecided' };
  const verdictClasses = { a: 'allow', d: 'deny', u: 'undecided' };
  const verdictRank = { d: 0, u: 1, a: 2 };
  const changeWords = { n: 'new', w: 'worse', b: 'better', '-': '' };
  const changeRank = { w: 0, n: 1, b: 2, '-': 3 };

  const size = (bytes) => {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let unit = 0;
    while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit++; }
    return `${bytes >= 100 || unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
  };
  const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
  const rules = (i) => data.rules[i].map((r) => data.texts[r]).join(', ');

  // Names mostly begin alike, with one registry: what all share is told once, in the
  // head of the column.
  const shared = (() => {
    let prefix = count > 1 ? data.names[0] : '';
    for (const name of data.names) {
      while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
      if (prefix === '') break;
    }
    return prefix.slice(0, prefix.lastIndexOf('/') + 1);
  })();

  // What each column shows, and by what it sorts. Numbers begin with the largest.
  const columns = {
    verdict: { key: (i) => verdictRank[data.verdicts[i]] },
    name: { key: (i) => data.names[i] },
    rules: { key: (i) => rules(i) || '\uffff' },
    kev: { key: (i) => data.kev[i], largest: true, text: (i) => (data.kev[i] ? number.format(data.kev[i]) : '') },
    critical: { key: (i) => data.critical[i], largest: true, text: (i) => number.format(data.critical[i]) },
    high: { key: (i) => data.high[i], largest: true, text: (i) => number.format(data.high[i]) },
    bytes: { key: (i) => data.bytes[i], largest: true, text: (i) => size(data.bytes[i]) },
    judged: { key: (i) => data.judged[i], largest: true, text: (i) => day(data.judged[i]) },
    change: { key: (i) => changeRank[data.changes[i]], text: (i) => changeWords[data.changes[i]] },
  };

  // order has the rows as sorted, shown those that the filter leaves; current is the
  // place of the chosen one among them.
  let order = Array.from({ length: count }, (_, i) => i);
  let shown = order;
  let current = -1;
  let chosen = -1;
  let texts = null; // what is searched, made when it is first needed

  const element = (name, className, text) => {
    const e = document.createElement(name);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  };

  const cellOf = (i, column) => {
    const cell = element(column === 'name' ? 'th' : 'td');
    if (column === 'verdict') {
      cell.append(element('span', `badge ${verdictClasses[data.verdicts[i]]}`, verdictWords[data.verdicts[i]]));
    } else if (column === 'name') {
      cell.scope = 'row';
      const others = data.others[i] ? data.others[i].split('\n').length : 0;
      cell.textContent = data.names[i].slice(shared.length) + (others + data.more[i] ? ` (+${others + data.more[i]})` : '');
      cell.title = data.names[i];
    } else if (column === 'rules') {
      cell.textContent = rules(i);
      cell.title = cell.textContent;
    } else {
      cell.textContent = columns[column].text(i);
      if (column === 'change') cell.className = changeWords[data.changes[i]];
      else if (column !== 'judged') cell.className = 'number';
    }
    return cell;
  };

  const gap = (height) => {
    const row = element('tr', 'gap');
    row.setAttribute('aria-hidden', 'true');
    const cell = element('td');
    cell.colSpan = heads.length;
    cell.style.height = `${height}px`;
    row.append(cell);
    return row;
  };

  // A row's height is measured once: it depends on the font of the reader.
  let rowHeight = 0;
  const measure = () => {
    const row = element('tr');
    row.append(element('td', '', 'x'));
    body.replaceChildren(row);
    rowHeight = row.getBoundingClientRect().height;
    body.replaceChildren();
  };

  let from = -1;
  let to = -1;
  const draw = (again) => {
    const inSight = Math.ceil(innerHeight / rowHeight); // the table is no higher than the window
    const first = Math.max(0, Math.min(shown.length, Math.floor(scroll.scrollTop / rowHeight)) - 10);
    const last = Math.min(shown.length, first + inSight + 20);
    if (!again && first === from && last === to) return;
    from = first;
    to = last;
    const rows = [gap(first * rowHeight)];
    for (let place = first; place < last; place++) {
      const i = shown[place];
      const row = element('tr', place === current ? 'current' : '');
      row.id = `row-${place}`;
      row.dataset.place = place;
      row.setAttribute('aria-rowindex', place + 2);
      row.setAttribute('aria-selected', place === current);
      for (const head of heads) row.append(cellOf(i, head.dataset.column));
      rows.push(row);
    }
    rows.push(gap((shown.length - last) * rowHeight));
    body.replaceChildren(...rows);
    table.setAttribute('aria-rowcount', shown.length + 1);
    if (current >= first && current < last) table.setAttribute('aria-activedescendant', `row-${current}`);
    else table.removeAttribute('aria-activedescendant');
  };

  const tell = () => {
    status.textContent = shown.length === count ? `${number.format(count)} images` : `${number.format(shown.length)} of ${number.format(count)} images`;
  };

  const describe = (i) => {
    const parts = [element('h3', '', data.names[i])];
    if (data.digests[i]) parts.push(element('p', 'quiet digest', `sha256:${data.digests[i]}`));
    parts.push(element('p', '', `${verdictWords[data.verdicts[i]]}${data.reasons[i] ? `: ${data.texts[data.reasons[i]]}` : ''}`));
    if (data.remedies[i]) parts.push(element('p', 'remedy', data.texts[data.remedies[i]]));
    if (data.rules[i].length) parts.push(element('p', 'quiet', `rules: ${rules(i)}`));
    if (data.places[i]) parts.push(element('p', 'quiet', `platforms: ${data.texts[data.places[i]]}`));
    if (data.others[i]) {
      const list = element('ul', 'messages');
      for (const name of data.others[i].split('\n')) list.append(element('li', '', name));
      parts.push(element('p', 'quiet', 'also under'), list);
    }
    if (data.more[i]) parts.push(element('p', 'quiet', `and ${number.format(data.more[i])} names more`));
    detail.replaceChildren(...parts);
    detail.hidden = false;
  };

  const choose = (place) => {
    if (shown.length === 0) return;
    current = Math.max(0, Math.min(shown.length - 1, place));
    chosen = shown[current];
    const head = table.tHead.getBoundingClientRect().height;
    const top = current * rowHeight;
    const room = scroll.clientHeight - head;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + rowHeight > scroll.scrollTop + room) scroll.scrollTop = top + rowHeight - room;
    draw(true);
    describe(chosen);
  };

  const searched = (i) => {
    if (!texts) {
      texts = data.names.map((name, n) => `${name}\n${data.others[n]}\nsha256:${data.digests[n]}\n${data.texts[data.reasons[n]]}`.toLowerCase());
    }
    return texts[i];
  };

  const apply = () => {
    const words = fields.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdict = fields.verdict.value;
    const rule = fields.rule.value === '' ? -1 : Number(fields.rule.value);
    const kev = fields.kev.checked;
    const changed = fields.changed && fields.changed.checked;
    shown = order.filter((i) => (verdict === '' || data.verdicts[i] === verdict) &&
      (rule < 0 || data.rules[i].includes(rule)) && (!kev || data.kev[i] > 0) && (!changed || data.changes[i] !== '-') &&
      words.every((w) => searched(i).includes(w)));
    current = shown.indexOf(chosen);
    scroll.scrollTop = 0;
    tell();
    draw(true);
  };

  const sort = (column, descending) => {
    const { key } = columns[column];
    const keys = Array.from({ length: count }, (_, i) => key(i));
    const sign = descending ? -1 : 1;
    order = Array.from({ length: count }, (_, i) => i);
    // The order of the data, worst first, decides between equals.
    order.sort((a, b) => (keys[a] < keys[b] ? -sign : keys[a] > keys[b] ? sign : a - b));
    apply();
  };

  for (const head of heads) {
    const { column } = head.dataset;
    const button = element('button', 'sort', head.textContent);
    button.type = 'button';
    head.replaceChildren(button);
    if (column === 'name' && shared) head.append(element('span', 'quiet', ` in ${shared}`));
    button.addEventListener('click', () => {
      const first = columns[column].largest ? 'descending' : 'ascending';
      const other = first === 'ascending' ? 'descending' : 'ascending';
      const next = head.getAttribute('aria-sort') === first ? other : first;
      heads.forEach((h) => h.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', next);
      sort(column, next === 'descending');
    });
  }

  const known = new Set(data.rules.flat());
  const byText = Array.from(known, (r) => ({ value: r, text: data.texts[r] })).sort((a, b) => (a.text < b.text ? -1 : 1));
  for (const { value, text } of byText) {
    const option = element('option', '', text);
    option.value = value;
    fields.rule.append(option);
  }
  for (const named of document.querySelectorAll('[data-rule]')) {
    const found = byText.find((r) => r.text === named.dataset.rule);
    if (!found) continue;
    const button = element('button', 'rule', named.textContent);
    button.type = 'button';
    button.title = 'show the images';
    named.replaceChildren(button);
    button.addEventListener('click', () => {
      fields.rule.value = found.value;
      apply();
      form.scrollIntoView({ block: 'start', behavior: 'instant' });
    });
  }

  let pending = 0;
  form.addEventListener('input', () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(apply);
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  let drawing = 0;
  const later = () => {
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(() => draw(false));
  };
  scroll.addEventListener('scroll', later, { passive: true });
  addEventListener('resize', later);
  body.addEventListener('click', (event) => {
    const row = event.target.closest('tr[data-place]');
    if (row) choose(Number(row.dataset.place));
  });
  table.addEventListener('keydown', (event) => {
    if (event.target !== table) return;
    const page = Math.max(1, Math.floor(scroll.clientHeight / rowHeight) - 2);
    const steps = { ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page, Home: 0, End: shown.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    choose(steps[event.key]);
  });

  form.hidden = false;
  scroll.hidden = false;
  byId('keys').hidden = false;
  measure();
  tell();
  draw(true);
})();
