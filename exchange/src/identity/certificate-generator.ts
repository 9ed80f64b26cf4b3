// oxlint-disable-next-line import/no-unassigned-import -- the generator needs it to be there, and loads it nowhere itself
import 'reflect-metadata'

// In one file with it, so that both are loaded late together.
export { X509CertificateGenerator } from '@peculiar/x509'
