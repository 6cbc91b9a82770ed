/** Sends a long file in pieces by the tus protocol, and goes on where an earlier try stopped. */

export const BLOCK = 8 << 20;
const TRIES = 7;

const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** The SHA-256 of the SHA-256 of each block, so that no more than one block is in memory. */
async function digestOf(file, onRead) {
  const digests = new Uint8Array(32 * Math.ceil(file.size / BLOCK));
  for (let block = 0; block * BLOCK < file.size; block++) {
    const bytes = await file.slice(block * BLOCK, (block + 1) * BLOCK).arrayBuffer();
    digests.set(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), 32 * block);
    onRead(Math.min((block + 1) * BLOCK, file.size));
  }
  return hex(await crypto.subtle.digest("SHA-256", digests));
}

async function ask(address, method, headers, body) {
  const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
  const answer = await fetch(address, { method, body, headers: { "Tus-Resumable": "1.0.0", "X-CSRF-Token": token, ...headers } });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(problem.detail ?? problem.title ?? `The server answered ${answer.status}.`);
  // Another try at what was refused would be refused again; the server says itself where the next piece begins.
  error.isFinal = answer.status < 500 && answer.status !== 409 && answer.status !== 429;
  throw error;
}

/**
 * Answers the address under which the file lies. `onProgress(what, bytes)` is told "Reading" and "Sending".
 * A connection that is lost is tried again for a minute; after that, or for what is refused, it throws.
 */
export async function sendFile(file, place, onProgress) {
  const digest = await digestOf(file, (bytes) => onProgress("Reading", bytes));
  const begun = await ask(place, "POST", { "Upload-Length": file.size, "Upload-Metadata": `blocks ${btoa(digest)}` });
  const upload = begun.headers.get("Location");
  let offset = Number(begun.headers.get("Upload-Offset"));
  let failures = 0;
  while (offset < file.size) {
    onProgress("Sending", offset);
    try {
      const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": offset };
      const answer = await ask(upload, "PATCH", headers, file.slice(offset, offset + BLOCK));
      offset = Number(answer.headers.get("Upload-Offset"));
      failures = 0;
    } catch (error) {
      failures += 1;
      if (error.isFinal || failures === TRIES) throw error;
      await wait(2 ** failures / 2);
      offset = await ask(upload, "HEAD", {}).then((answer) => Number(answer.headers.get("Upload-Offset")), () => offset);
    }
  }
  onProgress("Sending", file.size);
  const done = await ask(`${upload}/complete?name=${encodeURIComponent(file.name)}`, "POST", {});
  return (await done.json()).uri;
}
