export { describeChannel, type ChannelHarness } from './channel-compliance.ts'
export { channelPair, type ChannelPairOptions } from './channel-pair.ts'
export { Recorder } from './recorder.ts'
