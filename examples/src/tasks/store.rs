//! The database: projects and their tasks.

use std::fmt;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use serde::Serialize;

const SCHEMA: &str = "
    PRAGMA foreign_keys = ON;
    CREATE TABLE IF NOT EXISTS projects (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100)
    );
    -- whether there is such a project is judged by the commit
    CREATE TABLE IF NOT EXISTS tasks (
        id INTEGER PRIMARY KEY,
        project INTEGER NOT NULL REFERENCES projects (id) DEFERRABLE INITIALLY DEFERRED,
        title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
        done BOOLEAN NOT NULL DEFAULT FALSE
    );
    CREATE INDEX IF NOT EXISTS tasks_of_project ON tasks (project);
";

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Project {
    pub(super) id: i64,
    pub(super) name: String,
}

/// A task of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Task {
    pub(super) id: i64,
    pub(super) project: i64,
    pub(super) title: String,
    pub(super) done: bool,
}

/// Why nothing was read or written.
#[derive(Debug)]
pub(super) enum StoreError {
    Missing,
    /// The values break a rule of the tables.
    Refused,
    Broken(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Refused,
            _ => Self::Broken(error),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no such thing"),
            Self::Refused => f.write_str("the values are not allowed, or taken"),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

#[derive(Debug)]
pub(super) struct Store(Connection);

impl Store {
    /// Opens a database file; `None` is one in memory.
    pub(super) fn open(path: Option<&str>) -> rusqlite::Result<Self> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    pub(super) fn projects(&self) -> Result<Vec<Project>, StoreError> {
        let mut statement = self
            .0
            .prepare("SELECT id, name FROM projects ORDER BY id")?;
        let rows = statement.query_map([], project)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn tasks(&self, project: i64) -> Result<Vec<Task>, StoreError> {
        let known = self
            .0
            .prepare("SELECT 1 FROM projects WHERE id = ?1")?
            .exists([project])?;
        if !known {
            return Err(StoreError::Missing);
        }
        let mut statement = self
            .0
            .prepare("SELECT id, project, title, done FROM tasks WHERE project = ?1 ORDER BY id")?;
        let rows = statement.query_map([project], task)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn add_project(&mut self, name: &str) -> Result<Project, StoreError> {
        let sql = "INSERT INTO projects (name) VALUES (?1) RETURNING id, name";
        let write = self.0.transaction()?;
        let added = write.query_row(sql, [name], project)?;
        write.commit()?;
        Ok(added)
    }

    /// Adds a task. When this returns `Ok`, it is committed.
    pub(super) fn add_task(&mut self, project: i64, title: &str) -> Result<Task, StoreError> {
        let sql =
            "INSERT INTO tasks (project, title) VALUES (?1, ?2) RETURNING id, project, title, done";
        let write = self.0.transaction()?;
        let added = write.query_row(sql, params![project, title], task)?;
        write.commit()?;
        Ok(added)
    }

    /// Ticks a task off, or not. When this returns `Ok`, it is committed.
    pub(super) fn set_done(&mut self, id: i64, done: bool) -> Result<Task, StoreError> {
        let sql = "UPDATE tasks SET done = ?2 WHERE id = ?1 RETURNING id, project, title, done";
        let write = self.0.transaction()?;
        let changed = write.query_row(sql, params![id, done], task).optional()?;
        write.commit()?;
        changed.ok_or(StoreError::Missing)
    }
}

fn project(row: &Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project {
        id: row.get(0)?,
        name: row.get(1)?,
    })
}

fn task(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        id: row.get(0)?,
        project: row.get(1)?,
        title: row.get(2)?,
        done: row.get(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Store, StoreError};

    #[test]
    fn a_task_without_a_project_fails_at_the_commit_and_leaves_nothing() {
        let mut store = Store::open(None).unwrap();
        let refused = store.add_task(1, "early");
        assert!(matches!(refused, Err(StoreError::Refused)), "{refused:?}");
        let id = store.add_project("one").unwrap().id;
        assert_eq!(store.tasks(id).unwrap(), []);
        let task = store.add_task(id, "now").unwrap();
        assert_eq!(store.tasks(id).unwrap(), [task]);
    }

    #[test]
    fn values_that_break_a_rule_are_refused() {
        let mut store = Store::open(None).unwrap();
        let id = store.add_project("one").unwrap().id;
        assert!(matches!(store.add_project("one"), Err(StoreError::Refused)));
        assert!(matches!(store.add_task(id, ""), Err(StoreError::Refused)));
        assert!(matches!(store.set_done(7, true), Err(StoreError::Missing)));
        assert!(matches!(store.tasks(id + 1), Err(StoreError::Missing)));
    }
}
