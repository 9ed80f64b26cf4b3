export { seededRandom as seeded } from '../src/simulator/seeded-random.ts'
