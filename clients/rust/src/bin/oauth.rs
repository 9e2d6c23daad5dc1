//! Logs in with the engine of Element X through OAuth 2.0 and writes what came of it as JSON lines: one `{"check": …}` for each thing that was
//! shown.
//!
//! Who runs this is given the addresses that a user's browser would be sent to (`{"visit": …}`, `{"approve": …}`), and answers with a line on
//! standard input: where the browser was sent in the end, or nothing.

#![recursion_limit = "256"]

use std::io::BufRead;

use anyhow::{Context, Result, bail};
use matrix_sdk::{
    Client,
    authentication::oauth::{
        ClientRegistrationData,
        registration::{ApplicationType, ClientMetadata, Localized, OAuthGrantType},
    },
    encryption::CrossSigningResetAuthType,
    ruma::serde::Raw,
    utils::UrlOrQuery,
};
use serde_json::json;

/// Where Element X on Android wants to be called back.
const REDIRECT_URI: &str = "io.element.android:/";

fn shown(check: &str) {
    println!("{}", json!({"check": check}));
}

/// Sends whoever runs this to a page; answers what they say.
fn ask(line: serde_json::Value) -> Result<String> {
    println!("{line}");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

fn registration() -> Result<ClientRegistrationData> {
    let code = OAuthGrantType::AuthorizationCode {
        redirect_uris: vec![REDIRECT_URI.parse()?],
    };
    let mut metadata = ClientMetadata::new(
        ApplicationType::Native,
        vec![code, OAuthGrantType::DeviceCode],
        Localized::new("https://element.io".parse()?, []),
    );
    metadata.client_name = Some(Localized::new("Element X".to_owned(), []));
    Ok(ClientRegistrationData::new(Raw::new(&metadata)?))
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args()
        .nth(1)
        .context("the address of the server is missing")?;
    // The server of this test has a certificate of its own.
    let client = Client::builder()
        .homeserver_url(&url)
        .handle_refresh_tokens()
        .disable_ssl_verification()
        .build()
        .await?;
    let oauth = client.oauth();
    let login = oauth
        .login(REDIRECT_URI.parse()?, None, Some(registration()?), None)
        .build()
        .await?;
    let answer = ask(json!({"visit": login.url.as_str()}))?;
    oauth
        .finish_login(UrlOrQuery::Url(answer.parse()?))
        .await?;
    if client.whoami().await?.device_id.as_deref() != client.device_id() {
        bail!("the token is for another device");
    }
    shown("registers itself and logs in");
    oauth.refresh_access_token().await?;
    client.whoami().await?;
    shown("refreshes its token");
    client
        .encryption()
        .bootstrap_cross_signing_if_needed(None)
        .await?;
    let reset = client
        .encryption()
        .reset_cross_signing()
        .await?
        .context("cross-signing was reset without asking")?;
    let CrossSigningResetAuthType::OAuth(info) = reset.auth_type() else {
        bail!("the reset does not lead to the account page");
    };
    ask(json!({"approve": info.approval_url.as_str()}))?;
    reset.auth(None).await?;
    shown("resets cross-signing once its user has allowed it");
    oauth.logout().await?;
    if client.whoami().await.is_ok() {
        bail!("the token works after logging out");
    }
    shown("logs out");
    println!("{}", json!({"done": true}));
    Ok(())
}
