//! [`Peers`]: several servers that hear each other's server-side events.

use std::fmt;
use std::time::Duration;

use socketio_proto::{FromArgs, IntoArgs, NamespaceId, RawArgs, SocketId};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::broadcast::Answers;
use crate::core::Core;
use crate::error::{AckError, SendError};
use crate::sync::{Arc, Mutex, Weak};

/// How long the answers of other servers are waited for. Node's `requestsTimeout`.
const WAIT: Duration = Duration::from_secs(5);

/// The id of a server among its peers. Not known to clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(SocketId);

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Servers of one process that hear each other's
/// [`server_side_emit`](crate::NamespaceHandle::server_side_emit): for instance one on a public
/// and one on an internal port. Clones are the same group.
#[derive(Clone, Default)]
pub struct Peers(Arc<Mutex<Vec<Member>>>);

#[derive(Clone)]
struct Member {
    id: ServerId,
    server: Weak<Core>,
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").finish_non_exhaustive()
    }
}

impl Peers {
    pub(crate) fn add(&self, server: &Arc<Core>) {
        let mut members = self.0.lock();
        members.retain(|member| member.server.strong_count() > 0);
        let mut entropy = [0; 15];
        // ids tell members of one process apart; a failing source of entropy still leaves a count
        if getrandom::fill(&mut entropy).is_err() {
            entropy[..8].copy_from_slice(&(members.len() as u64).to_be_bytes());
        }
        members.push(Member {
            id: ServerId(SocketId::from_entropy(entropy)),
            server: Arc::downgrade(server),
        });
    }

    /// All but `server` itself.
    pub(crate) fn others(&self, server: &Arc<Core>) -> Vec<(ServerId, Arc<Core>)> {
        let members = self.0.lock();
        let living = members
            .iter()
            .filter_map(|member| Some((member.id.clone(), member.server.upgrade()?)));
        living
            .filter(|(_, other)| !Arc::ptr_eq(other, server))
            .collect()
    }
}

/// Runs the listeners of the other servers, each in a task of its own.
fn tell(
    server: &Arc<Core>,
    namespace: &NamespaceId,
    event: &str,
    payload: &(impl IntoArgs + ?Sized),
) -> Result<JoinSet<(ServerId, Option<RawArgs>)>, SendError> {
    let args = RawArgs::encode(payload)?;
    let mut running = JoinSet::new();
    let Some(peers) = &server.peers else {
        return Ok(running);
    };
    for (id, other) in peers.others(server) {
        let Some(mounted) = other.registry.get(namespace) else {
            // as a server whose listener does not answer
            running.spawn(async move { (id, std::future::pending().await) });
            continue;
        };
        let answer = mounted.server_event(&other, event, &args);
        running.spawn(async move { (id, answer.await) });
    }
    Ok(running)
}

pub(crate) fn emit(
    server: &Arc<Core>,
    namespace: &NamespaceId,
    event: &str,
    payload: &(impl IntoArgs + ?Sized),
) -> Result<(), SendError> {
    let mut running = tell(server, namespace, event, payload)?;
    tokio::spawn(async move {
        let deadline = Instant::now() + WAIT;
        while let Ok(Some(_)) = timeout_at(deadline, running.join_next()).await {}
        running.detach_all();
    });
    Ok(())
}

pub(crate) async fn emit_with_ack<R: FromArgs>(
    server: &Arc<Core>,
    namespace: &NamespaceId,
    event: &str,
    payload: &(impl IntoArgs + ?Sized),
) -> Result<Answers<R, ServerId>, SendError> {
    let peers = server.peers.as_ref();
    let mut waiting: Vec<ServerId> = peers.map_or_else(Vec::new, |peers| {
        peers.others(server).into_iter().map(|(id, _)| id).collect()
    });
    let mut running = tell(server, namespace, event, payload)?;
    let deadline = Instant::now() + WAIT;
    let mut collected = Answers {
        answers: Vec::new(),
        missing: Vec::new(),
    };
    while let Ok(Some(finished)) = timeout_at(deadline, running.join_next()).await {
        // a listener that panics has not answered
        let Ok((id, Some(answer))) = finished else {
            continue;
        };
        waiting.retain(|other| *other != id);
        match answer.read() {
            Ok(answer) => collected.answers.push((id, answer)),
            Err(error) => collected.missing.push((id, AckError::Decode(error))),
        }
    }
    running.detach_all();
    let late = waiting.into_iter().map(|id| (id, AckError::Timeout));
    collected.missing.extend(late);
    Ok(collected)
}
