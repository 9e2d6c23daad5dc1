//! Waiting for what a server tells in its own time.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::PATIENCE;

/// Asks again until there is an answer.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        if started.elapsed() > PATIENCE {
            bail!("waited too long for {what}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// `Some` where a condition holds.
pub fn when(holds: bool) -> Option<()> {
    holds.then_some(())
}
