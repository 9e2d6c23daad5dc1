//! What is shown, one function each.

use std::{
    io::BufRead,
    path::Path,
    sync::{Arc, Mutex},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, pin_mut};
use matrix_sdk::{
    Client,
    ruma::{
        OwnedRoomId, RoomId,
        api::client::receipt::create_receipt::v3::ReceiptType,
        events::{Mentions, receipt::ReceiptThread, room::message::RoomMessageEventContent},
    },
};
use matrix_sdk_ui::{
    RoomListService,
    eyeball_im::Vector,
    room_list_service::{RoomListLoadingState, filters::new_filter_non_left},
    sync_service::SyncService,
    timeline::{RoomExt, Timeline},
};
use serde_json::json;

use crate::{
    people, say,
    waiting::{until, when},
};

/// Entries that the list shows at most.
const PAGE: usize = 500;

/// The room list as an application shows it: room IDs in order.
#[derive(Clone)]
pub struct ShownList {
    entries: Arc<Mutex<Vector<OwnedRoomId>>>,
    _follower: Arc<tokio::task::JoinHandle<()>>,
}

impl ShownList {
    pub fn follow(service: Arc<RoomListService>) -> Self {
        let entries = Arc::new(Mutex::new(Vector::new()));
        let shown = entries.clone();
        let follower = tokio::spawn(async move {
            let list = service.all_rooms().await.expect("the list of all rooms");
            let (stream, controller) = list.entries_with_dynamic_adapters(PAGE);
            controller.set_filter(Box::new(new_filter_non_left()));
            pin_mut!(stream);
            while let Some(changes) = stream.next().await {
                let mut shown = shown.lock().expect("lock");
                for change in changes {
                    change
                        .map(|item| item.room_id().to_owned())
                        .apply(&mut shown);
                }
            }
        });
        Self {
            entries,
            _follower: Arc::new(follower),
        }
    }

    fn len(&self) -> usize {
        self.entries.lock().expect("lock").len()
    }

    fn first(&self) -> Option<OwnedRoomId> {
        self.entries.lock().expect("lock").front().cloned()
    }
}

fn ms(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 10_000.0).round() / 10.0
}

/// The room list appears with its first window and grows until it is complete.
pub async fn room_list(sync: &SyncService, rooms: &[OwnedRoomId]) -> Result<ShownList> {
    let service = sync.room_list_service();
    let started = Instant::now();
    let list = ShownList::follow(service.clone());
    let all = service.all_rooms().await?;
    let loading = all.loading_state();
    let count = until("the room list", || {
        let state = loading.get();
        async move {
            match state {
                RoomListLoadingState::Loaded {
                    maximum_number_of_rooms,
                } => maximum_number_of_rooms,
                RoomListLoadingState::NotLoaded => None,
            }
        }
    })
    .await?;
    let first = list.len();
    let first_ms = ms(started);
    ensure!(
        count as usize == rooms.len(),
        "the list says it has {count} rooms"
    );
    until("all rooms", || async { when(list.len() == rooms.len()) }).await?;
    let client = service.client();
    for (number, room_id) in rooms.iter().enumerate() {
        let room = client.get_room(room_id).context("a room is missing")?;
        let name = format!("room {number}");
        until(&name, || async {
            when(room.name().as_deref() == Some(&name))
        })
        .await?;
    }
    say(
        json!({"check": "room list loads and grows", "rooms": rooms.len(), "countKnownMs": first_ms, "roomsThen": first, "completeMs": ms(started)}),
    );
    Ok(list)
}

/// A message in the room at the bottom brings it to the top.
pub async fn reorder(alice: &Client, list: &ShownList, rooms: &[OwnedRoomId]) -> Result<()> {
    let mut times = Vec::new();
    for room_id in [&rooms[0], &rooms[60], &rooms[0]] {
        let started = Instant::now();
        people::joined_room(alice, room_id)
            .await?
            .send(RoomMessageEventContent::text_plain("to the top"))
            .await?;
        until("the room at the top", || async {
            when(list.first().as_deref() == Some(room_id))
        })
        .await?;
        times.push(ms(started));
    }
    say(json!({"check": "a room with news moves to the top", "sendToTopMs": times}));
    Ok(())
}

/// Texts of a timeline, decrypted.
async fn texts(timeline: &Timeline) -> Vec<String> {
    let items = timeline.items().await;
    items
        .iter()
        .filter_map(|item| {
            item.as_event()?
                .content()
                .as_message()
                .map(|message| message.body().to_owned())
        })
        .collect()
}

async fn until_ends_with(timeline: &Timeline, expected: &[String]) -> Result<()> {
    until(&format!("{expected:?}"), || async {
        when(texts(timeline).await.ends_with(expected))
    })
    .await
}

/// What is sent arrives in the timeline in order; what was before comes with the subscription and with paging.
pub async fn timelines(
    alice: &Client,
    bob: &Client,
    bob_sync: &SyncService,
    room_id: &RoomId,
) -> Result<()> {
    let sender = people::joined_room(alice, &room_id.to_owned()).await?;
    let before: Vec<String> = (0..30).map(|number| format!("before {number}")).collect();
    for text in &before {
        sender
            .send(RoomMessageEventContent::text_plain(text))
            .await?;
    }
    let timeline = people::joined_room(bob, &room_id.to_owned())
        .await?
        .timeline()
        .await?;
    bob_sync
        .room_list_service()
        .subscribe_to_rooms(&[room_id])
        .await;
    until_ends_with(&timeline, &before[20..]).await?;
    while !timeline.paginate_backwards(20).await? {}
    let mut expected = before;
    ensure!(texts(&timeline).await == expected, "the whole timeline");
    let started = Instant::now();
    for number in 0..5 {
        let text = format!("live {number}");
        sender
            .send(RoomMessageEventContent::text_plain(&text))
            .await?;
        expected.push(text);
    }
    until_ends_with(&timeline, &expected).await?;
    ensure!(
        texts(&timeline).await == expected,
        "nothing twice, nothing missing, in order"
    );
    say(
        json!({"check": "timelines are complete and in order", "messages": expected.len(), "fiveLiveMessagesMs": ms(started)}),
    );
    Ok(())
}

/// Counts of what is unread rise with messages and mentions and fall with a receipt.
pub async fn unread(
    alice: &Client,
    bob: &Client,
    bob_sync: &SyncService,
    room_id: &RoomId,
) -> Result<()> {
    // The engine counts what it has seen: of other rooms it sees the latest message.
    bob_sync
        .room_list_service()
        .subscribe_to_rooms(&[room_id])
        .await;
    let sender = people::joined_room(alice, &room_id.to_owned()).await?;
    let reader = people::joined_room(bob, &room_id.to_owned()).await?;
    for number in 0..3 {
        sender
            .send(RoomMessageEventContent::text_plain(format!(
                "unread {number}"
            )))
            .await?;
    }
    let mention =
        RoomMessageEventContent::text_plain("you").add_mentions(Mentions::with_user_ids([bob
            .user_id()
            .context("user")?
            .to_owned()]));
    let last = sender.send(mention).await?.response.event_id;
    let counts = || {
        let counts = reader.unread_notification_counts();
        (counts.notification_count, counts.highlight_count)
    };
    until("counts of the server", || async {
        when(counts() == (4, 1))
    })
    .await?;
    until("counts of the engine", || async {
        when(reader.num_unread_messages() == 4 && reader.num_unread_mentions() == 1)
    })
    .await?;
    reader
        .send_single_receipt(ReceiptType::Read, ReceiptThread::Unthreaded, last)
        .await?;
    until("nothing unread", || async {
        when(counts() == (0, 0) && reader.num_unread_messages() == 0)
    })
    .await?;
    say(json!({"check": "unread counts rise and fall", "notifications": 4, "highlights": 1}));
    Ok(())
}

/// Both read what the other encrypts.
pub async fn encrypted(
    alice: &Client,
    bob: &Client,
    alice_sync: &SyncService,
    bob_sync: &SyncService,
) -> Result<OwnedRoomId> {
    let started = Instant::now();
    let room_id = people::shared_room(alice, bob, "a secret", true).await?;
    for sync in [alice_sync, bob_sync] {
        sync.room_list_service()
            .subscribe_to_rooms(&[&room_id])
            .await;
    }
    let (of_alice, of_bob) = (
        people::joined_room(alice, &room_id).await?,
        people::joined_room(bob, &room_id).await?,
    );
    let (alice_timeline, bob_timeline) = (of_alice.timeline().await?, of_bob.timeline().await?);
    let mut expected = Vec::new();
    for number in 0..3 {
        for (room, reader) in [(&of_alice, &bob_timeline), (&of_bob, &alice_timeline)] {
            ensure!(
                room.latest_encryption_state().await?.is_encrypted(),
                "encryption is on"
            );
            expected.push(format!("secret {number} of {}", room.own_user_id()));
            room.send(RoomMessageEventContent::text_plain(
                expected.last().context("text")?,
            ))
            .await?;
            until_ends_with(reader, &expected).await?;
        }
    }
    say(
        json!({"check": "two users read what the other encrypts", "messages": expected.len(), "createToLastMs": ms(started)}),
    );
    Ok(room_id)
}

/// The server ends as in a power failure and starts again: both clients go on where they were.
pub async fn power_failure(
    alice: &Client,
    bob: &Client,
    list: &ShownList,
    rooms: &[OwnedRoomId],
    secret: &OwnedRoomId,
) -> Result<()> {
    let before = list.len();
    let timeline = people::joined_room(bob, secret).await?.timeline().await?;
    say(json!({"ask": "kill"}));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let started = Instant::now();
    let quiet = &rooms[90];
    until("the server to take a message", || async {
        people::joined_room(alice, quiet)
            .await
            .ok()?
            .send(RoomMessageEventContent::text_plain("after the failure"))
            .await
            .ok()
            .map(|_| ())
    })
    .await?;
    until("the room at the top", || async {
        when(list.first().as_deref() == Some(quiet))
    })
    .await?;
    let room_ms = ms(started);
    people::joined_room(alice, secret)
        .await?
        .send(RoomMessageEventContent::text_plain("still a secret"))
        .await?;
    until_ends_with(&timeline, &["still a secret".to_owned()]).await?;
    ensure!(list.len() == before, "the list has {} rooms", list.len());
    say(
        json!({"check": "clients go on after a power failure", "upToMessageMs": room_ms, "upToEncryptedMessageMs": ms(started)}),
    );
    Ok(())
}

/// The application ends and starts again with what it stored.
pub async fn client_restart(
    url: &str,
    alice: &Client,
    bob: Client,
    store: &Path,
    rooms: &[OwnedRoomId],
) -> Result<()> {
    let session = bob.matrix_auth().session().context("a session")?;
    drop(bob);
    say(json!({"note": "the application starts again"}));
    let missed = &rooms[100];
    people::joined_room(alice, missed)
        .await?
        .send(RoomMessageEventContent::text_plain("while you were away"))
        .await?;
    let bob = people::restore(url, store, session).await?;
    let started = Instant::now();
    let sync = people::start_sync(&bob).await?;
    let list = ShownList::follow(sync.room_list_service());
    until("what was missed at the top", || async {
        when(list.first().as_deref() == Some(missed))
    })
    .await?;
    ensure!(
        list.len() == rooms.len() + 1,
        "the list has {} rooms",
        list.len()
    );
    say(json!({"check": "the application goes on where it was", "upToDateMs": ms(started)}));
    sync.stop().await;
    Ok(())
}
