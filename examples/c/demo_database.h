/*
 * demo_database.h: a real SQLite database, and the three queries that the workers ask of it.
 */
#ifndef TIDEGATE_DEMO_DATABASE_H
#define TIDEGATE_DEMO_DATABASE_H

#include <sqlite3.h>

enum { DEMO_USERS = 5000, DEMO_ORDERS = 20000 };

typedef enum demo_query {
    DEMO_QUERY_PROFILE,     /* one row by its key: microseconds */
    DEMO_QUERY_ORDERS,      /* a scan, since no index helps: about a millisecond */
    DEMO_QUERY_LIKE_MINDED, /* a join of the table with itself: several */
    DEMO_QUERY_KINDS
} demo_query;

/* One worker's connection. SQLite connections must not cross a fork: open it in the child. */
typedef struct demo_database {
    sqlite3 *connection;
    sqlite3_stmt *queries[DEMO_QUERY_KINDS];
} demo_database;

/* Makes and fills the database file. */
void demo_database_create(const char *path);

void demo_database_open(demo_database *database, const char *path);
void demo_database_close(demo_database *database);

/* Runs a query for one user to its last row; returns how many rows there were. */
unsigned demo_database_ask(demo_database *database, demo_query query, unsigned user);

/* SQLite's open and prepare, ending the program with SQLite's own sentence when they fail. */
sqlite3 *demo_sqlite_open(const char *path, int flags);
sqlite3_stmt *demo_sqlite_prepare(sqlite3 *connection, const char *sql);

#endif
