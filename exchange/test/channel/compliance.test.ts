import { describeChannel } from '../../src/channel/testing/channel-compliance.ts'
import { startDirect, startLibp2p, startMemory, startPlain } from './harnesses.ts'

describeChannel('memory', startMemory)
describeChannel('direct', startDirect)
describeChannel('plain', startPlain)
describeChannel('libp2p', startLibp2p)
