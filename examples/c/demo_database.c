/*
 * demo_database.c: SQLite, ended at the first error by a sentence that names it.
 */
#include "demo_database.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * The rows are arithmetic on their own numbers, so that every run has the same data. Orders have no
 * index on user and product on purpose: some of the queries shall be slow.
 */
static const char SCHEMA_SQL[] =
    "PRAGMA journal_mode = OFF;"
    "PRAGMA synchronous = OFF;"
    "BEGIN;"
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city INTEGER NOT NULL);"
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, user INTEGER NOT NULL,"
    "                     product INTEGER NOT NULL, cents INTEGER NOT NULL);";

static const char FILL_SQL[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
    "  INSERT INTO users SELECT i, 'user ' || i, i %% 97 FROM n;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
    "  INSERT INTO orders SELECT i, 1 + i * 7919 %% %d, i * 104729 %% 1009, i * 31 %% 9973 FROM n;"
    "COMMIT;";

static const char *const QUERY_SQL[DEMO_QUERY_KINDS] = {
    [DEMO_QUERY_PROFILE] = "SELECT name, city FROM users WHERE id = ?1",
    [DEMO_QUERY_ORDERS] = "SELECT count(*), sum(cents) FROM orders WHERE user = ?1",
    [DEMO_QUERY_LIKE_MINDED] =
        "SELECT other.user, count(*) AS times FROM orders AS mine"
        "  JOIN orders AS other ON other.product = mine.product"
        "  WHERE mine.user = ?1 GROUP BY other.user ORDER BY times DESC LIMIT 10",
};

static _Noreturn void fail(sqlite3 *connection, const char *step)
{
    fprintf(stderr, "demo: SQLite cannot %s: %s\n", step, sqlite3_errmsg(connection));
    exit(EXIT_FAILURE);
}

sqlite3 *demo_sqlite_open(const char *path, int flags)
{
    sqlite3 *connection = NULL;
    if (sqlite3_open_v2(path, &connection, flags, NULL) != SQLITE_OK) {
        fail(connection, "open the database");
    }
    return connection;
}

sqlite3_stmt *demo_sqlite_prepare(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) != SQLITE_OK) {
        fail(connection, "prepare a query");
    }
    return statement;
}

void demo_database_create(const char *path)
{
    sqlite3 *connection = demo_sqlite_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    char fill[1024];
    snprintf(fill, sizeof fill, FILL_SQL, DEMO_USERS, DEMO_ORDERS, DEMO_USERS);
    if (sqlite3_exec(connection, SCHEMA_SQL, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(connection, fill, NULL, NULL, NULL) != SQLITE_OK) {
        fail(connection, "fill the database");
    }
    sqlite3_close(connection);
}

void demo_database_open(demo_database *database, const char *path)
{
    database->connection = demo_sqlite_open(path, SQLITE_OPEN_READONLY);
    for (int query = 0; query < DEMO_QUERY_KINDS; query++) {
        database->queries[query] = demo_sqlite_prepare(database->connection, QUERY_SQL[query]);
    }
}

void demo_database_close(demo_database *database)
{
    for (int query = 0; query < DEMO_QUERY_KINDS; query++) {
        sqlite3_finalize(database->queries[query]);
    }
    sqlite3_close(database->connection);
}

unsigned demo_database_ask(demo_database *database, demo_query query, unsigned user)
{
    sqlite3_stmt *statement = database->queries[query];
    unsigned rows = 0;
    int step;
    sqlite3_bind_int(statement, 1, (int)user);
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        rows++;
    }
    if (step != SQLITE_DONE) {
        fail(database->connection, "answer a query");
    }
    sqlite3_reset(statement);
    return rows;
}
