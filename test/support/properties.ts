/**
 * fast-check, with the same inputs in each run: what fails once fails again, and nothing fails that was not touched.
 * `ROLLCALL_PROPERTY_SEED=n` tries others; a failure names its seed.
 */
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.ROLLCALL_PROPERTY_SEED ?? 1) });

export default fc;
