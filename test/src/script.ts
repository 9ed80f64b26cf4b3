/** Of util-linux: runs a command with a terminal of its own. */
export const SCRIPT = '/usr/bin/script'
