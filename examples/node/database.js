// A real SQLite database, by what this Node has: node:sqlite from 22.5 on, else SQLite compiled to
// WebAssembly, which a package registry ships whole.
'use strict';
const fs = require('node:fs');

const PRODUCTS = 1000;

function open(file) {
  try {
    const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(file);
    return {
      name: 'node:sqlite',
      run: (sql) => database.exec(sql),
      get: (sql, ...values) => database.prepare(sql).get(...values),
      close: () => database.close(),
    };
  } catch (error) {
    if (error.code !== 'ERR_UNKNOWN_BUILTIN_MODULE' && error.code !== 'MODULE_NOT_FOUND') throw error;
  }
  // Its locks are folders, which a worker killed with -9 would leave behind: so each worker has its
  // own copy of the catalogue.
  const own = `${file}.${process.pid}`;
  if (fs.existsSync(file)) fs.copyFileSync(file, own);
  const { Database } = require('node-sqlite3-wasm');
  const database = new Database(own);
  return {
    name: 'node-sqlite3-wasm',
    run: (sql) => database.exec(sql),
    get: (sql, ...values) => database.get(sql, values),
    close() {
      database.close();
      fs.renameSync(own, file);
    },
  };
}

/** Makes the catalogue, once, before there are workers. */
function prepare(file) {
  for (const old of [file, ...leftovers(file)]) fs.rmSync(old, { force: true, recursive: true });
  const database = open(file);
  database.run('CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL)');
  database.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${PRODUCTS})
    INSERT INTO product SELECT i, 'product ' || i, 100 + i * 7 % 900 FROM n`);
  database.close();
  return database.name;
}

/** What workers that were killed left beside the catalogue. */
function leftovers(file) {
  const folder = require('node:path').dirname(file);
  return fs.readdirSync(folder).map((name) => `${folder}/${name}`).filter((name) => name.startsWith(`${file}.`));
}

module.exports = { open, prepare, leftovers };
