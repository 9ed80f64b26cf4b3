import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 200

/** Runs `work` while no other process holds the lock file at `path`. A lock whose process is gone is taken over. */
export async function withLock(path, work) {
  await acquire(path)
  const release = () => removeFile(path)
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

async function acquire(path) {
  // A link appears at once with its content, so nobody ever reads a lock without an owner.
  const claim = `${path}.${process.pid}`
  writeFileSync(claim, String(process.pid))
  try {
    for (let waited = false; !tryLink(claim, path); waited = true) {
      const owner = ownerOf(path)
      if (owner === undefined) continue
      if (!isAlive(owner)) takeAway(path, owner)
      else {
        if (!waited) process.stderr.write(`Waiting for process ${owner}, which installs dependencies ...\n`)
        await sleep(POLL_MS)
      }
    }
  } finally {
    removeFile(claim)
  }
}

function tryLink(from, to) {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function ownerOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Moves a dead owner's lock aside; if it was a fresh one after all, it goes back. */
function takeAway(path, deadOwner) {
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  if (ownerOf(aside) !== deadOwner) tryLink(aside, path)
  removeFile(aside)
}

function removeFile(path) {
  try {
    unlinkSync(path)
  } catch {
    // It is gone already, which is what was wanted.
  }
}
