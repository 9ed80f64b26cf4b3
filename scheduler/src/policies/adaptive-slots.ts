import { blend, UNKNOWN } from '../state/average.ts'
import type { SlotControl, UploadSample, UploadSlotsPolicy } from './upload-slots.ts'

/** Twice as many at once must bring so many times the throughput to be worth it. */
const WORTH_MORE = 1.08
/** Half as many at once are enough while they bring this share of the throughput. */
const ENOUGH = 0.95
/** After a trial in vain so many uploads pass before the next one, and twice as many after each further one. */
const SHORTEST_PAUSE = 16
const LONGEST_PAUSE = 256
/** With less than this share of the highest throughput its children are busy receiving: it needs more of them. */
const SHORTFALL = 0.85
const PEAK_FADES = 0.99
/** So many uploads show whether a change was enough. */
const SETTLING = 2
/** More at once bring nothing anywhere. */
const MOST = 64
/** A parent's first trial comes after so many uploads, later for others, so that not all try at the same time. */
const FIRST_PAUSE = 2
const TURNS = 32
/**
 * When so many in a row have tried in vain the others wait so many times longer: in a swarm of a thousand hardly any other
 * tries before it is over, and a trial delays whatever is sent meanwhile.
 */
const TRIED_IN_VAIN = 2
const DETERRED = 64
/** A sample tells of so many at once, if on average there were this share of it, and no more than so much above. */
const NEARLY = 0.75

/**
 * Finds for each parent the fewest uploads at once that fill its uplink: it tries twice as many, and half as many, now and
 * then, and keeps to what is worth it. Where its children are too busy to receive all that it can send it takes more of them.
 * What the first ones find the others begin with.
 */
export function adaptiveSlots(): UploadSlotsPolicy {
  const common = new Experience()
  return { control: (isCdn) => new AdaptiveSlots(isCdn ? new Experience() : common) }
}

/** What the peers of one scheduler have found. */
class Experience {
  #doublings = 0
  #usual = 1
  #turn = 0
  #inVain = 0

  /** What most of them settled for. */
  get usual(): number {
    return this.#usual
  }

  /** After how many uploads the next newcomer should try. */
  firstPause(): number {
    const pause = FIRST_PAUSE + this.#turn
    this.#turn = (this.#turn + 1) % TURNS
    return pause
  }

  get saysNotToTry(): boolean {
    return this.#inVain >= TRIED_IN_VAIN
  }

  settled(limit: number, wasWorthTrying: boolean): void {
    this.#inVain = wasWorthTrying ? 0 : this.#inVain + 1
    this.#doublings = blend(this.#doublings, Math.log2(limit))
    this.#usual = 2 ** Math.round(this.#doublings)
  }
}

interface Trial {
  /** What it is compared with. */
  readonly base: number
  readonly limit: number
  /** How many samples it takes. */
  readonly needed: number
  seen: number
  counted: number
  sum: number
}

class AdaptiveSlots implements SlotControl {
  readonly #experience: Experience
  /** What its own trials found; until one has ended it does as the others do. */
  #settled: number | undefined
  #throughput = UNKNOWN
  /** The highest throughput of late. */
  #peak = 0
  #goesUp = true
  /** Uploads since the last trial, and how many there have to be before the next one. */
  #uploads = 0
  #pause: number
  #trial: Trial | undefined

  constructor(experience: Experience) {
    this.#experience = experience
    this.#pause = experience.firstPause()
  }

  get limit(): number {
    return this.#trial?.limit ?? this.#base
  }

  get #base(): number {
    return this.#settled ?? this.#experience.usual
  }

  uploaded(sample: UploadSample): void {
    if (this.#trial === undefined) this.#observe(sample, this.#base)
    else this.#try(sample, this.#trial, this.#trial.base)
  }

  #observe({ throughput, atOnce }: UploadSample, settled: number): void {
    // With less to do than it could it shows nothing, nor with more.
    if (!tellsOf(settled, atOnce)) return
    this.#throughput = blend(this.#throughput, throughput)
    this.#peak = Math.max(throughput, this.#peak * PEAK_FADES)
    this.#uploads++
    if (this.#uploads >= SETTLING && this.#throughput < SHORTFALL * this.#peak) return this.#change(settled + 1)
    const isDeterred = this.#settled === undefined && this.#experience.saysNotToTry
    if (this.#uploads < (isDeterred ? DETERRED : 1) * this.#pause) return
    const limit = this.#goesUp || settled === 1 ? settled * 2 : Math.ceil(settled / 2)
    this.#trial = { base: settled, limit, needed: Math.max(3, limit), seen: 0, counted: 0, sum: 0 }
  }

  #try({ throughput, atOnce }: UploadSample, trial: Trial, settled: number): void {
    trial.seen++
    if (tellsOf(trial.limit, atOnce)) {
      trial.counted++
      trial.sum += throughput
    }
    if (trial.counted >= trial.needed) this.#judge(trial, settled)
    // Too little to do to tell.
    else if (trial.seen >= 4 * trial.needed + settled) this.#endTrial(SHORTEST_PAUSE)
  }

  #judge(trial: Trial, settled: number): void {
    const throughput = trial.sum / trial.counted
    const isWorthIt = throughput >= (trial.limit > settled ? WORTH_MORE : ENOUGH) * this.#throughput
    if (isWorthIt) {
      this.#settled = trial.limit
      this.#throughput = throughput
    } else {
      this.#settled = settled
      this.#goesUp = !this.#goesUp
    }
    this.#experience.settled(isWorthIt ? trial.limit : settled, isWorthIt)
    // A change that was worth it may be worth it again.
    this.#endTrial(isWorthIt ? 1 : Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, this.#pause * 2)))
  }

  #change(limit: number): void {
    this.#settled = Math.min(limit, MOST)
    this.#uploads = 0
    this.#experience.settled(this.#settled, true)
  }

  #endTrial(pause: number): void {
    this.#trial = undefined
    this.#uploads = 0
    this.#pause = pause
  }
}

/** Whether a sample shows what so many uploads at once bring. */
function tellsOf(limit: number, atOnce: number): boolean {
  return atOnce >= NEARLY * limit && atOnce <= limit / NEARLY
}
