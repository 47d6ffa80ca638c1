//! Session ids: what they tell, and to whom.

use std::collections::BTreeSet;

use super::MB;
use crate::attack::POLLING;
use crate::outcome::check;
use crate::peer::{Peer, request};
use crate::target::Target;
use crate::{Attack, Outcome, Script};

/// Characters of an id that are judged: 120 random bits.
const LENGTH: usize = 20;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Chi-square with 63 degrees of freedom is above this with p = 0.000 01: with 40 judgements, one run in 2,500 fails.
const UNLIKELY: f64 = 124.0;

pub(super) const SCRIPTS: &[Script] = &[
    Script::new(
        "ids before and after a restart",
        "CVE-2017-16031, A15",
        restart,
    )
    .calm()
    .memory(8 * MB),
    Script::new("the public id is not the secret one", "A15", public_id).memory(MB),
    Script::new(
        "joining the room of somebody's id",
        "python-socketio 5.18",
        foreign_room,
    )
    .memory(MB),
];

fn ids(target: &Target, count: usize) -> Outcome<Vec<String>> {
    let mut peer = Peer::connect(target.address)?;
    (0..count)
        .map(|_| {
            peer.send(request("GET", POLLING, "", ""))?;
            let answer = peer.answer()?;
            let sid = answer.sid()?.to_owned();
            // a session that is not needed any more
            peer.send(request("POST", &format!("{POLLING}&sid={sid}"), "", "1"))?;
            peer.answer()?.has(200)?;
            Ok(sid)
        })
        .collect()
}

fn restart(attack: &Attack<'_>) -> Outcome {
    let count = attack.rounds(10_000, 1500);
    // each a process of its own, one after the other
    let before = ids(&attack.another()?, count)?;
    let after = ids(&attack.another()?, count)?;
    let all: BTreeSet<&String> = before.iter().chain(&after).collect();
    check!(
        all.len() == 2 * count,
        "{} of {} ids differ",
        all.len(),
        2 * count
    );
    // 36 bits: of 20,000 ids, no two should share them but once in 340 runs, and half of them in one run never
    let prefixes = |ids: &[String]| {
        ids.iter()
            .filter_map(|id| id.get(..6).map(str::to_owned))
            .collect::<BTreeSet<_>>()
    };
    let shared = prefixes(&before).intersection(&prefixes(&after)).count();
    check!(
        shared <= 1,
        "{shared} beginnings of six characters come before and after"
    );
    for ids in [&before, &after] {
        for position in 0..LENGTH {
            let chi_square = chi_square(ids, position)?;
            let uneven = chi_square >= UNLIKELY;
            check!(
                !uneven,
                "chi-square {chi_square:.1} at character {position}"
            );
        }
        check!(
            !counts_up(ids),
            "an id is greater than the one before, always"
        );
    }
    Ok(())
}

/// How unevenly the characters at one position are spread.
fn chi_square(ids: &[String], position: usize) -> Outcome<f64> {
    let mut counts = [0_u32; 64];
    for id in ids {
        check!(id.len() == LENGTH, "an id of {} characters", id.len());
        let character = id.as_bytes().get(position);
        let index = ALPHABET.iter().position(|known| Some(known) == character);
        let count = index.and_then(|index| counts.get_mut(index));
        check!(count.is_some(), "an unexpected character in {id}");
        count.into_iter().for_each(|count| *count += 1);
    }
    let expected = ids.len() as f64 / 64.0;
    Ok(counts
        .iter()
        .map(|count| (f64::from(*count) - expected).powi(2) / expected)
        .sum())
}

/// Whether some eight characters count the sessions.
fn counts_up(ids: &[String]) -> bool {
    (0..LENGTH - 4).any(|start| {
        let parts = || ids.iter().map(|id| id.get(start..start + 4));
        parts().zip(parts().skip(1)).all(|(one, next)| one <= next)
    })
}

fn public_id(attack: &Attack<'_>) -> Outcome {
    let (mut client, secret) = attack.websocket_and_sid()?;
    let public = client.join("/")?;
    check!(public != secret, "the socket's id is the session's");
    check!(
        !secret.contains(&public) && !public.contains(&secret),
        "{public} tells of {secret}"
    );
    let custom = client.join("/custom")?;
    check!(custom != public, "one id in two namespaces");
    // and it opens no session
    attack
        .get(&format!("{POLLING}&sid={public}"))?
        .is(400, super::UNKNOWN_SESSION)
}

/// The application let the client choose a room; the library does not keep it out of a room with an id's name, as
/// documented at `Socket::join`. What must not happen is that the owner loses it.
fn foreign_room(attack: &Attack<'_>) -> Outcome {
    let mut victim = attack.join()?;
    let mut owner = attack.websocket()?;
    let id = owner.join("/")?;
    let mut intruder = attack.join()?;
    intruder.send(&format!(r#"421["join","{id}"]"#))?;
    intruder.expect("431[true]")?;
    victim.send(&format!(r#"42["room","{id}",1]"#))?;
    owner.expect(r#"42["cast",1]"#)?;
    drop(intruder);
    victim.send(&format!(r#"42["room","{id}",2]"#))?;
    owner.expect(r#"42["cast",2]"#)
}
