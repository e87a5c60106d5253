use std::{
    future, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// An address whose connections lead to a server, as a service's name does, until they fall silent: then they carry
/// nothing, and neither side is told, as when a network swallows packets. It lives as long as the runtime that it
/// was made in.
pub struct Proxy {
    address: SocketAddr,
    ways: Arc<Ways>,
}

struct Ways {
    target: Mutex<SocketAddr>,
    leads_nowhere: AtomicBool,
    /// Changes when all that are connected fall silent.
    silenced: watch::Sender<()>,
    /// What is swallowed, with all that follows.
    words: Mutex<Option<String>>,
    /// How many connections have fallen silent by it.
    swallowed: watch::Sender<usize>,
}

impl Proxy {
    /// An address that leads to this one.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ways = Arc::new(Ways {
            target: Mutex::new(target),
            leads_nowhere: AtomicBool::new(false),
            silenced: watch::Sender::new(()),
            words: Mutex::new(None),
            swallowed: watch::Sender::new(0),
        });
        tokio::spawn(accept(listener, ways.clone()));
        Self { address, ways }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead there, and no words are swallowed any more.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.ways.target.lock().unwrap() = target;
        *self.ways.words.lock().unwrap() = None;
        self.ways.leads_nowhere.store(false, Ordering::Relaxed);
    }

    /// The connections that there are fall silent. New ones lead where they did.
    pub fn silence(&self) {
        self.ways.silenced.send_replace(());
    }

    /// All fall silent, new ones included.
    pub fn lead_nowhere(&self) {
        self.ways.leads_nowhere.store(true, Ordering::Relaxed);
        self.silence();
    }

    /// From now on, each connection falls silent by whose client these words are sent.
    pub fn swallow(&self, words: &str) {
        *self.ways.words.lock().unwrap() = Some(words.to_owned());
    }

    /// Waits until so many connections have fallen silent by their words.
    pub async fn swallowed(&self, connections: usize) {
        let mut swallowed = self.ways.swallowed.subscribe();
        swallowed.wait_for(|swallowed| *swallowed >= connections).await.unwrap();
    }
}

impl Ways {
    fn are_swallowed(&self, sent: &[u8]) -> bool {
        let words = self.words.lock().unwrap();
        words
            .as_ref()
            .is_some_and(|words| sent.windows(words.len()).any(|part| part == words.as_bytes()))
    }

    /// Carries what the client sends, to its end or to what is swallowed, and then not a byte more.
    async fn ask(&self, client: &mut OwnedReadHalf, server: &mut OwnedWriteHalf) -> io::Result<End> {
        let mut sent = vec![0; 64 * 1024];
        loop {
            let length = client.read(&mut sent).await?;
            if length == 0 {
                return Ok(End::Closed);
            }
            if self.are_swallowed(&sent[..length]) {
                self.swallowed.send_modify(|swallowed| *swallowed += 1);
                return Ok(End::Silent);
            }
            server.write_all(&sent[..length]).await?;
        }
    }
}

enum End {
    Closed,
    Silent,
}

async fn accept(listener: TcpListener, ways: Arc<Ways>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, ways.clone()));
    }
}

/// Until one side has ended; for ever, if it falls silent.
async fn carry(client: TcpStream, ways: Arc<Ways>) -> io::Result<()> {
    let mut silenced = ways.silenced.subscribe();
    if ways.leads_nowhere.load(Ordering::Relaxed) {
        return future::pending().await;
    }
    let target = *ways.target.lock().unwrap();
    let server = TcpStream::connect(target).await?;
    let (mut asks, mut is_told) = client.into_split();
    let (mut answers, mut is_asked) = server.into_split();
    let end = tokio::select! {
        end = ways.ask(&mut asks, &mut is_asked) => end?,
        answered = copy(&mut answers, &mut is_told) => answered.map(|_| End::Closed)?,
        _ = silenced.changed() => End::Silent,
    };
    match end {
        End::Closed => Ok(()),
        End::Silent => future::pending().await,
    }
}
