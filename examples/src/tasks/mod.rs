//! Tasks of projects over HTTP, with everybody who looks at a project told of changes: axum routes that write to
//! SQLite, and a Socket.IO server whose handle is part of axum's state.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /projects` | `[{ id, name }]` |
//! | `POST /projects` `{ name }` | 201, the project |
//! | `GET /projects/{id}/tasks` | `[{ id, project, title, done }]` |
//! | `POST /projects/{id}/tasks` `{ title }` | 201, the task; the project's room gets `task added` with it |
//! | `PUT /tasks/{id}/done` `true` or `false` | the task; the project's room gets `task changed` with it |
//!
//! Clients emit `watch` (project id) and `unwatch` (project id), both with an ack: `{ ok: true, tasks }` and
//! `{ ok: true }`, or `{ ok: false, error }`. The tasks of the answer and the events after it leave no gap.
//!
//! An event is sent after the transaction was committed and before the database's lock is released. So nobody hears
//! of what did not happen, and everybody hears of changes in the order of their commits.

mod store;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use serde_json::{Value, json};
use socketio_server::{Ack, Namespace, NamespaceHandle, Options, Server, Socket};
use tokio::net::TcpListener;

use self::store::{Project, Store, StoreError, Task};
use crate::BadSetting;

/// The service, before it is served.
#[derive(Clone, Debug)]
pub struct Tasks {
    server: Server,
    router: Router,
}

impl Tasks {
    /// Opens the database, a file or one in memory.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn new(options: Options, database: Option<&str>) -> Result<Self, BadSetting> {
        let store = Store::open(database).map_err(|error| BadSetting::new("DB", error))?;
        let store = Shared(Arc::new(Mutex::new(store)));
        let server = Server::builder().engine(options).build();
        let clients = server
            .mount(namespace(store.clone()))
            .map_err(|error| BadSetting::new("namespace", error))?;
        let router = Router::new()
            .route("/projects", get(projects).post(add_project))
            .route("/projects/{id}/tasks", get(tasks).post(add_task))
            .route("/tasks/{id}/done", put(set_done))
            .with_state(App { store, clients })
            .layer(server.layer());
        Ok(Self { server, router })
    }

    /// The Socket.IO server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Serves until `stop` is ready.
    ///
    /// # Errors
    /// The listener fails for good.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), BadSetting> {
        let service = TowerToHyperService::new(self.router.clone());
        let served = self.server.serve_with(listener, service, stop).await;
        served.map_err(|error| BadSetting::new("serve", error))
    }
}

/// What every route can reach.
#[derive(Clone, Debug)]
struct App {
    store: Shared,
    clients: NamespaceHandle,
}

/// The database, for one at a time.
#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Store>>);

impl Shared {
    /// Uses the database where waiting for it holds nobody up.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = Arc::clone(&self.0);
        let worked = tokio::task::spawn_blocking(move || {
            work(&mut store.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match worked.await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "it broke".into(),
            )),
        }
    }
}

/// An answer that is an error.
#[derive(Debug)]
struct Problem(StatusCode, String);

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::Missing => StatusCode::NOT_FOUND,
            StoreError::Refused => StatusCode::CONFLICT,
            StoreError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

fn room(project: i64) -> String {
    format!("project:{project}")
}

// ---- routes ----

async fn projects(State(app): State<App>) -> Result<Json<Vec<Project>>, Problem> {
    app.store.with(|store| store.projects()).await.map(Json)
}

#[derive(Deserialize)]
struct NewProject {
    name: String,
}

async fn add_project(
    State(app): State<App>,
    Json(new): Json<NewProject>,
) -> Result<(StatusCode, Json<Project>), Problem> {
    let added = app
        .store
        .with(move |store| store.add_project(&new.name))
        .await?;
    Ok((StatusCode::CREATED, Json(added)))
}

async fn tasks(
    State(app): State<App>,
    Path(project): Path<i64>,
) -> Result<Json<Vec<Task>>, Problem> {
    let listed = app.store.with(move |store| store.tasks(project)).await;
    listed.map(Json)
}

#[derive(Deserialize)]
struct NewTask {
    title: String,
}

async fn add_task(
    State(App { store, clients }): State<App>,
    Path(project): Path<i64>,
    Json(new): Json<NewTask>,
) -> Result<(StatusCode, Json<Task>), Problem> {
    let added = store
        .with(move |store| {
            let task = store.add_task(project, &new.title)?;
            clients.to(room(project)).emit("task added", &task).ok();
            Ok(task)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(added)))
}

async fn set_done(
    State(App { store, clients }): State<App>,
    Path(id): Path<i64>,
    Json(done): Json<bool>,
) -> Result<Json<Task>, Problem> {
    let changed = store.with(move |store| {
        let task = store.set_done(id, done)?;
        let watching = clients.to(room(task.project));
        watching.emit("task changed", &task).ok();
        Ok(task)
    });
    changed.await.map(Json)
}

// ---- clients ----

fn namespace(store: Shared) -> Namespace {
    Namespace::new("/")
        .on("watch", async move |socket: Socket, project: i64| {
            let watched = store.with(move |store| {
                let tasks = store.tasks(project)?;
                socket.join(room(project));
                Ok(tasks)
            });
            match watched.await {
                Ok(tasks) => Ack(json!({ "ok": true, "tasks": tasks })),
                Err(problem) => refused(&problem),
            }
        })
        .on("unwatch", async |socket: Socket, project: i64| {
            socket.leave(room(project));
            Ack(json!({ "ok": true }))
        })
        .on_error(|_, error| refused(&error.kind))
}

fn refused(problem: &impl fmt::Display) -> Ack<Value> {
    Ack(json!({ "ok": false, "error": problem.to_string() }))
}
