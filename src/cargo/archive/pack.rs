//! An archive, written as it is read from the disk: whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use camino::Utf8Path;
use flate2::Compression;
use flate2::write::GzEncoder;
use fs_err as fs;

use super::{Contents, Error, INVENTORY, Inventory};
use crate::sys::fs::replace_with;

/// Writes an archive. The inventory's list of files is that of the contents. `is_interrupted` is asked between files.
pub fn pack(
    path: &Path,
    inventory: &Inventory,
    contents: &Contents,
    is_interrupted: &dyn Fn() -> bool,
) -> Result<(), Error> {
    let json = inventory.to_json().map_err(|error| Error::Refused(error.to_string()))?;
    replace_with(path, |file| write(file, &json, contents, is_interrupted))
}

fn write(file: &mut File, json: &[u8], contents: &Contents, is_interrupted: &dyn Fn() -> bool) -> Result<(), Error> {
    let mut tar = tar::Builder::new(GzEncoder::new(BufWriter::new(file), Compression::fast()));
    tar.append_data(&mut header(json.len() as u64, false), INVENTORY, json)?;
    for (name, (source, entry)) in &contents.files {
        if is_interrupted() {
            return Err(Error::Interrupted);
        }
        let mut read = Counted { inner: fs::File::open(source)?.take(entry.size), count: 0 };
        tar.append_data(&mut header(entry.size, entry.executable), name, &mut read)?;
        if read.count != entry.size || fs::metadata(source)?.len() != entry.size {
            return Err(changed(source));
        }
    }
    tar.into_inner()?.finish()?.flush()?;
    Ok(())
}

fn changed(source: &Utf8Path) -> Error {
    Error::Refused(format!("`{source}` changed while it was packed: is another build at work?"))
}

/// Neither times nor owners: the same build gives the same archive.
fn header(size: u64, executable: bool) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_mtime(0);
    header
}

/// tar takes the length of a file on trust.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(into)?;
        self.count += count as u64;
        Ok(count)
    }
}
