//! A process that has run out of file descriptors.

use std::process::Command;

use tokio::net::TcpStream;

use crate::support::{Running, SOON, patient};

const CHILD: &str = "BAREWIRE_TEST_FEW_DESCRIPTORS";

/// The limit belongs to a process, so the test runs itself once more in one of its own.
#[test]
fn a_server_without_descriptors_recovers() {
    let own = std::env::current_exe().unwrap();
    let status = Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" \"$@\""])
        .arg(own)
        .args(["--exact", "descriptors::survives_in_a_process_with_few", "--nocapture"])
        .env(CHILD, "1")
        .status()
        .unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn survives_in_a_process_with_few() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let running = Running::start(patient()).await;
    let spare = std::fs::File::open("/dev/null").unwrap();
    // Both ends of a connection are in this process.
    let mut flood = Vec::new();
    while let Ok(stream) = TcpStream::connect(running.address).await {
        flood.push(stream);
    }
    assert!(flood.len() > 10, "there were some");
    drop(spare);
    let one_too_many = TcpStream::connect(running.address).await.unwrap();
    // The server cannot accept it, so others have to make room, which is also the room for whoever comes next.
    while TcpStream::connect(running.address).await.is_err() {
        tokio::time::sleep(SOON).await;
    }
    running.serves().await;
    drop((flood, one_too_many));
}
