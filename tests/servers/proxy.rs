use std::{
    future,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// An address whose connections lead to a server, as a service's name does, until they are silenced. It lives as
/// long as the runtime that it was made in.
pub struct Proxy {
    address: SocketAddr,
    ways: Arc<Ways>,
}

struct Ways {
    target: Mutex<SocketAddr>,
    /// Grows when what is connected falls silent.
    silenced: watch::Sender<u64>,
    leads_nowhere: AtomicBool,
}

impl Proxy {
    /// An address that leads to this one.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ways = Arc::new(Ways {
            target: Mutex::new(target),
            silenced: watch::Sender::new(0),
            leads_nowhere: AtomicBool::new(false),
        });
        tokio::spawn(accept(listener, ways.clone()));
        Self { address, ways }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead there.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.ways.target.lock().unwrap() = target;
        self.ways.leads_nowhere.store(false, Ordering::Relaxed);
    }

    /// From now on, the connections that there are carry nothing, and neither side is told, as when a network
    /// swallows packets. New ones are as before.
    pub fn silence(&self) {
        self.ways.silenced.send_modify(|times| *times += 1);
    }

    /// The same of all connections, new ones included, until it [leads](Self::lead_to) somewhere again.
    pub fn lead_nowhere(&self) {
        self.ways.leads_nowhere.store(true, Ordering::Relaxed);
        self.silence();
    }
}

async fn accept(listener: TcpListener, ways: Arc<Ways>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, ways.clone()));
    }
}

async fn carry(mut client: TcpStream, ways: Arc<Ways>) {
    let mut silenced = ways.silenced.subscribe();
    let target = *ways.target.lock().unwrap();
    if ways.leads_nowhere.load(Ordering::Relaxed) {
        return future::pending().await;
    }
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = silenced.changed() => future::pending().await,
    }
}
