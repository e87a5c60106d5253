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
    words: Mutex<Option<Words>>,
    /// How many times such words were sent.
    met: watch::Sender<usize>,
}

/// What a client may send.
struct Words {
    text: String,
    /// Whether its connection falls silent by it.
    are_swallowed: bool,
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
            met: watch::Sender::new(0),
        });
        tokio::spawn(accept(listener, ways.clone()));
        Self { address, ways }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of the server, by which it is reached over this address.
    pub fn url(&self, of_server: &str) -> String {
        let server = self.ways.target.lock().unwrap().to_string();
        of_server.replace(&server, &self.address.to_string())
    }

    /// New connections lead there.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.ways.target.lock().unwrap() = target;
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
        let words = Words { text: words.to_owned(), are_swallowed: true };
        *self.ways.words.lock().unwrap() = Some(words);
    }

    /// From now on, it is counted how often these words are sent.
    pub fn note(&self, words: &str) {
        let words = Words { text: words.to_owned(), are_swallowed: false };
        *self.ways.words.lock().unwrap() = Some(words);
    }

    /// No words mean anything any more.
    pub fn carry_on(&self) {
        *self.ways.words.lock().unwrap() = None;
    }

    /// Waits until words have been swallowed or counted so many times since the beginning.
    pub async fn has_met(&self, times: usize) {
        self.ways.met.subscribe().wait_for(|met| *met >= times).await.unwrap();
    }
}

impl Ways {
    /// Notes what is sent, and says whether it is swallowed.
    fn are_swallowed(&self, sent: &[u8]) -> bool {
        let words = self.words.lock().unwrap();
        let Some(words) = &*words else { return false };
        let mut parts = sent.windows(words.text.len());
        let are_met = parts.any(|part| part == words.text.as_bytes());
        self.met.send_modify(|met| *met += usize::from(are_met));
        are_met && words.are_swallowed
    }

    /// Carries what the client sends, to its end, or until it is swallowed: then not a byte more.
    async fn ask(&self, client: &mut OwnedReadHalf, server: &mut OwnedWriteHalf) -> io::Result<End> {
        let mut sent = vec![0; 64 * 1024];
        loop {
            let length = client.read(&mut sent).await?;
            if length == 0 {
                return Ok(End::Closed);
            }
            if self.are_swallowed(&sent[..length]) {
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
