//! The man in the middle.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

/// Between two bytes of an answer that comes one by one.
const DRIP: Duration = Duration::from_millis(100);

/// What the header of a request says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) key: i16,
    pub(crate) version: i16,
}

/// What the client gets.
pub(crate) enum Told {
    /// A frame with that in it.
    Frame(Bytes),
    /// Those bytes, as they are.
    Bytes(Bytes),
    /// The same, one after the other.
    Drip(Bytes),
    /// Those bytes, and then the connection ends.
    Last(Bytes),
}

/// Makes of an answer, from its correlation id on, what is told instead.
pub(crate) type Lie = Arc<dyn Fn(Asked, Bytes) -> Told + Send + Sync>;

/// Passes everything on between clients and a broker, until it is dropped.
pub(crate) struct Liar {
    books: Arc<Mutex<Books>>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Books {
    lie: Option<(i16, Lie)>,
    /// Lies told since the last one was set.
    told: usize,
    /// Requests since then.
    asked: usize,
    /// Bytes of the last answer, by API.
    sizes: BTreeMap<i16, usize>,
}

impl Liar {
    /// Listens at `door` for clients of the broker at `broker`.
    pub(crate) fn start(door: TcpListener, broker: SocketAddr) -> Self {
        let (books, mut task) = (Arc::<Mutex<Books>>::default(), JoinSet::new());
        let of_task = books.clone();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = door.accept() => {
                        let (client, _) = accepted.expect("a client");
                        connections.spawn(serve(client, broker, of_task.clone()));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { books, _task: task }
    }

    /// From now on `lie` is told instead of every answer to the API `key`.
    pub(crate) fn lies(&self, key: i16, lie: Lie) {
        let mut books = self.books.lock();
        (books.lie, books.told, books.asked) = (Some((key, lie)), 0, 0);
    }

    pub(crate) fn tells_the_truth(&self) {
        self.books.lock().lie = None;
    }

    /// How often the last lie was told.
    pub(crate) fn told(&self) -> usize {
        self.books.lock().told
    }

    /// Requests that came since the last lie was begun.
    pub(crate) fn asked(&self) -> usize {
        self.books.lock().asked
    }

    /// Which APIs were asked, and how long the last answer of each was, its correlation id included.
    pub(crate) fn sizes(&self) -> BTreeMap<i16, usize> {
        self.books.lock().sizes.clone()
    }
}

/// One request after the other. Ends with either side.
async fn serve(mut client: TcpStream, broker: SocketAddr, books: Arc<Mutex<Books>>) {
    let passing = async {
        let mut broker = TcpStream::connect(broker).await?;
        for socket in [&client, &broker] {
            socket.set_nodelay(true)?;
        }
        loop {
            let request = read_frame(&mut client).await?;
            let Some(&[k0, k1, v0, v1]) = request.first_chunk() else { return Ok(()) };
            let asked = Asked { key: i16::from_be_bytes([k0, k1]), version: i16::from_be_bytes([v0, v1]) };
            broker.write_all(&framed(&request)).await?;
            let answer = tokio::select! {
                answer = read_frame(&mut broker) => answer?,
                () = gone(&client) => return Ok(()),
            };
            let told = judge(&books, asked, answer);
            match told {
                Told::Frame(body) => client.write_all(&framed(&body)).await?,
                Told::Bytes(bytes) => client.write_all(&bytes).await?,
                Told::Drip(bytes) => {
                    for byte in bytes {
                        client.write_u8(byte).await?;
                        sleep(DRIP).await;
                    }
                }
                Told::Last(bytes) => {
                    client.write_all(&bytes).await?;
                    return Ok(());
                }
            }
        }
    };
    // That somebody left is no news.
    let _: io::Result<()> = passing.await;
}

fn judge(books: &Mutex<Books>, asked: Asked, answer: Bytes) -> Told {
    let lie = {
        let mut books = books.lock();
        books.asked += 1;
        books.sizes.insert(asked.key, answer.len());
        let lie = books.lie.as_ref().filter(|(key, _)| *key == asked.key).map(|(_, lie)| lie.clone());
        books.told += usize::from(lie.is_some());
        lie
    };
    lie.map_or(Told::Frame(answer.clone()), |lie| lie(asked, answer))
}

/// Completes when the client has closed.
async fn gone(client: &TcpStream) {
    let mut byte = [0];
    match client.peek(&mut byte).await {
        Ok(0) | Err(_) => {}
        // It asks ahead.
        Ok(_) => std::future::pending().await,
    }
}

async fn read_frame(stream: &mut TcpStream) -> io::Result<Bytes> {
    let length = stream.read_u32().await?;
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok(body.into())
}

/// With its length in front.
pub(crate) fn framed(body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(4 + body.len());
    frame.put_u32(u32::try_from(body.len()).expect("a small frame"));
    frame.put_slice(body);
    frame.freeze()
}
