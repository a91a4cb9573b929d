// SPDX-License-Identifier: Apache-2.0
// What the server is asked, and what it says when it cannot.

const token = new URLSearchParams(location.search).get("token") ?? "";

// The answer to a call. An error's message is one sentence for the user.
export async function call(method, path, { query = {}, body = null, signal } = {}) {
  const file = body instanceof Blob;
  let answer;
  try {
    answer = await fetch(`${path}?${new URLSearchParams(query)}`, {
      method, signal, headers: { "X-Token": token }, body: body === null || file ? body : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server does not answer: is harmonize serve still running?");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  const words = said.error ?? `the server refused it (${answer.status})`;
  throw new Error(/[.!?]$/.test(words) ? words : `${words}.`);
}

export const facts = async (...what) => (await call(...what)).json();
export const bytes = async (...what) => (await call(...what)).blob();

// Saves an answer under the name that the server gave it.
export async function save(answer) {
  const name = decodeURIComponent(answer.headers.get("Content-Disposition").split("filename*=UTF-8''")[1]);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return name;
}
