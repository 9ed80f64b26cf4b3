import { access, writeFile } from 'node:fs/promises'

/** Debian's libfaketime, in the variant for programs with threads. */
const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'

export async function canStepClocks(): Promise<boolean> {
  return access(LIBRARY).then(
    () => true,
    () => false,
  )
}

/** The environment of a program whose wall clock shows what the file says. */
export function clockEnvironment(file: string): NodeJS.ProcessEnv {
  return {
    LD_PRELOAD: LIBRARY,
    FAKETIME_TIMESTAMP_FILE: file,
    // Seconds after which the file is read again.
    FAKETIME_CACHE_DURATION: '1',
    // A step of the wall clock leaves the clock for durations and the times of files alone.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  }
}

/** @param seconds that the clock is ahead; negative: behind */
export async function setClock(file: string, seconds: number): Promise<void> {
  await writeFile(file, `${seconds < 0 ? '' : '+'}${Math.round(seconds)}\n`)
}
