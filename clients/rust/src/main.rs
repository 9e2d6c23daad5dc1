//! Drives a homeserver with the engine of Element X and writes what came of it as JSON lines: one `{"check": …}` for each thing that was shown.
//!
//! Who runs this is told on standard output when the server is to be ended and started again (`{"ask": "kill"}`), and answers with a line on
//! standard input once it is up.

#![recursion_limit = "256"]

mod checks;
mod people;
mod waiting;

use std::time::Duration;

use anyhow::{Context, Result};
use matrix_sdk::ruma::OwnedRoomId;
use serde_json::json;

/// Rooms of the account that is looked at: more than the first windows of the engine show at once.
const ROOMS: usize = 130;
/// For anything that the engine has to be told of. It waits five seconds between attempts to reach a server that is gone.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Writes one line for whoever runs this.
pub fn say(line: serde_json::Value) {
    println!("{line}");
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args()
        .nth(1)
        .context("the address of the server is missing")?;
    let store = tempfile::tempdir()?;
    let alice = people::register(&url, "alice", &store.path().join("alice")).await?;
    let early = people::register(&url, "bob", &store.path().join("early")).await?;
    let mut rooms: Vec<OwnedRoomId> = Vec::new();
    for number in 0..ROOMS {
        rooms.push(people::shared_room(&alice, &early, &format!("room {number}"), false).await?);
    }
    say(json!({"note": "rooms are made", "rooms": ROOMS}));

    // What the list shows is what syncing has brought, and nothing that this client did before.
    drop(early);
    let bob = people::log_in(&url, "bob", &store.path().join("bob")).await?;
    let alice_sync = people::start_sync(&alice).await?;
    let bob_sync = people::start_sync(&bob).await?;
    let list = checks::room_list(&bob_sync, &rooms).await?;
    checks::reorder(&alice, &list, &rooms).await?;
    checks::timelines(&alice, &bob, &bob_sync, &rooms[3]).await?;
    checks::unread(&alice, &bob, &bob_sync, &rooms[5]).await?;
    let secret = checks::encrypted(&alice, &bob, &alice_sync, &bob_sync).await?;
    checks::power_failure(&alice, &bob, &list, &rooms, &secret).await?;
    bob_sync.stop().await;
    alice_sync.stop().await;
    drop(list);
    drop(bob_sync);
    checks::client_restart(&url, &alice, bob, &store.path().join("bob"), &rooms).await?;
    say(json!({"done": true}));
    Ok(())
}
