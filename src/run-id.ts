/** A run's id as people see it: the milliseconds of its UUIDv7, which no two runs of one process share. Eight digits would be the same for a minute. */
export const shortRun = (id: string): string => id.slice(0, 13);
