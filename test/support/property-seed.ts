import fc from 'fast-check'

/** Ordinary runs try the same cases everywhere, so that a change is not blamed for what it did not do; nightly ones search for new cases. */
const SEED = 20_260

if (process.env.MYELIN_NIGHTLY !== 'on') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: SEED })
