//! Accounts and rooms.

use std::path::Path;

use anyhow::{Context, Result};
use matrix_sdk::{
    Client, RoomState,
    encryption::EncryptionSettings,
    ruma::{
        OwnedRoomId,
        api::client::{
            account::register::v3::Request as RegistrationRequest,
            room::create_room::v3::{Request as CreateRoomRequest, RoomPreset},
            uiaa::{AuthData, Dummy},
        },
    },
};
use matrix_sdk_ui::sync_service::SyncService;

use crate::waiting::until;

const PASSWORD: &str = "a long password";

/// A client with a store on disk, as applications have it.
async fn client(url: &str, store: &Path) -> Result<Client> {
    Client::builder()
        .homeserver_url(url)
        .sqlite_store(store, None)
        .with_encryption_settings(EncryptionSettings {
            auto_enable_cross_signing: true,
            ..Default::default()
        })
        .build()
        .await
        .context("no client")
}

/// Registers an account and logs in.
pub async fn register(url: &str, name: &str, store: &Path) -> Result<Client> {
    let client = client(url, store).await?;
    let mut request = RegistrationRequest::new();
    request.username = Some(name.to_owned());
    request.password = Some(PASSWORD.to_owned());
    request.auth = Some(AuthData::Dummy(Dummy::new()));
    client
        .matrix_auth()
        .register(request)
        .await
        .context("registration")?;
    Ok(client)
}

/// Logs in on a new device that knows nothing yet.
pub async fn log_in(url: &str, name: &str, store: &Path) -> Result<Client> {
    let client = client(url, store).await?;
    client
        .matrix_auth()
        .login_username(name, PASSWORD)
        .send()
        .await
        .context("login")?;
    Ok(client)
}

/// Another life of the application, with what the earlier one stored.
pub async fn restore(
    url: &str,
    store: &Path,
    session: matrix_sdk::authentication::matrix::MatrixSession,
) -> Result<Client> {
    let client = client(url, store).await?;
    client.restore_session(session).await?;
    Ok(client)
}

/// The loops with which Element X syncs: the room list, and encryption.
pub async fn start_sync(client: &Client) -> Result<SyncService> {
    let service = SyncService::builder(client.clone())
        .with_offline_mode()
        .build()
        .await?;
    service.start().await;
    Ok(service)
}

/// A room that one creates and the other joins.
pub async fn shared_room(
    creator: &Client,
    other: &Client,
    name: &str,
    encrypted: bool,
) -> Result<OwnedRoomId> {
    let mut request = CreateRoomRequest::new();
    request.name = Some(name.to_owned());
    request.preset = Some(RoomPreset::PrivateChat);
    request.invite = vec![other.user_id().context("not logged in")?.to_owned()];
    let room = creator.create_room(request).await?;
    if encrypted {
        room.enable_encryption().await?;
    }
    let room_id = room.room_id().to_owned();
    other.join_room_by_id(&room_id).await?;
    Ok(room_id)
}

/// A room once the client has heard that the user is in it.
pub async fn joined_room(client: &Client, room_id: &OwnedRoomId) -> Result<matrix_sdk::Room> {
    until("the room to be known", || async {
        client
            .get_room(room_id)
            .filter(|room| room.state() == RoomState::Joined)
    })
    .await
}
