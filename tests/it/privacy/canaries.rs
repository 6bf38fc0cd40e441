//! The planted values, and where they are looked for.

use std::{fmt::Write as _, fs, path::Path};

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    sql::Sql,
};

use crate::hands;

/// Telephone numbers: of a person, of one for whom an order is placed, in a body that is refused, as a user name.
pub const PHONES: [&str; 4] = ["13987654871", "15812345067", "19987654320", "17712398760"];
/// The first 17 digits of ID numbers: of a person, in a body that is refused.
pub const NUMBERS: [&str; 2] = ["36050219580713682", "36050219641129357"];
/// Addresses: of a person, of a household, of orders.
pub const ADDRESSES: [&str; 4] = ["金丝雀楼 4871", "百灵鸟楼 5067", "画眉鸟楼 4320", "夜莺楼 8760"];
/// Texts that may be kept as they are, and may be in no log and no refusal.
pub const TEXTS: [&str; 3] = ["司马金雀", "上官百灵", "黄鹂鸣翠柳"];
pub const PASSWORD: &str = "一只金丝雀-4871";

pub fn numbers() -> [String; 2] {
    NUMBERS.map(hands::id_number)
}

/// A number whose check character is wrong.
pub fn wrong_number() -> String {
    let right = hands::id_number(NUMBERS[1]);
    format!("{}{}", &right[..17], if right.ends_with('5') { '6' } else { '5' })
}

/// What must be in no database, in each of the forms in which it could be.
pub fn secrets() -> Vec<(String, Vec<u8>)> {
    let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
    // 17 digits are found with any check character, eleven with any prefix
    for number in PHONES.iter().chain(&NUMBERS) {
        secrets.push(((*number).to_owned(), number.as_bytes().to_vec()));
    }
    for text in ADDRESSES.iter().chain(&[PASSWORD]) {
        secrets.push(((*text).to_owned(), text.as_bytes().to_vec()));
    }
    let open = hmac::Key::new(hmac::HMAC_SHA256, b"");
    let stored = PHONES.map(|phone| format!("+86{phone}")).into_iter().chain(numbers());
    for value in stored.chain(PHONES.map(str::to_owned)) {
        let hash = digest(&SHA256, value.as_bytes());
        secrets.push((format!("SHA-256 of {value}"), hash.as_ref()[..16].to_vec()));
        let tag = hmac::sign(&open, value.as_bytes());
        secrets.push((format!("HMAC without a key of {value}"), tag.as_ref()[..16].to_vec()));
    }
    secrets
}

/// All that a database holds: the bytes of its files, or its rows as text.
pub async fn held(backend: Backend, url: &str) -> Vec<u8> {
    match backend {
        Sqlite => {
            let file = Path::new(url.strip_prefix("sqlite://").unwrap());
            let files = fs::read_dir(file.parent().unwrap()).unwrap();
            files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
        }
        Postgres => {
            let sql = Sql::new(url);
            let tables = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'";
            let mut rows = Vec::new();
            for table in sql.all::<String>(tables, []).await {
                rows.extend(sql.all::<String>(&format!("SELECT t::text FROM {table} t"), []).await);
            }
            rows.join("\n").into_bytes()
        }
    }
}

pub fn contains(all: &[u8], part: &[u8]) -> bool {
    // in PostgreSQL's text bytes stand in hexadecimal
    let hex = part.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let part_of = |part: &[u8]| all.windows(part.len()).any(|window| window == part);
    part_of(part) || part_of(hex.as_bytes())
}
