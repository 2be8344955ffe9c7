/**
 * The variables in which launchers tell a rank its number: the one table. The starter and the
 * command line know the first rank by it before a launcher was spoken to, and a rank by it that
 * lost the rest of its environment. Pure; the build reads it, too.
 */

export interface RankVariable {
  name: string;
  /** What no launcher leaves out beside it; undefined where it is set for what is no rank, too. */
  partner: string | undefined;
}

/** The first one that is set says it. */
export const RANK_VARIABLES: readonly RankVariable[] = [
  { name: 'PMI_RANK', partner: 'PMI_FD with PMI_SIZE' },
  { name: 'PMI_ID', partner: 'PMI_PORT' },
  { name: 'OMPI_COMM_WORLD_RANK', partner: 'PMIx server of version 4 or later' },
  { name: 'PMIX_RANK', partner: 'PMIx server of version 4 or later' },
  { name: 'PALS_RANKID', partner: 'PALS_APINFO' },
  { name: 'ALPS_APP_PE', partner: 'ALPS_APP_ID' },
  { name: 'FLUX_TASK_RANK', partner: 'FLUX_JOB_SIZE with FLUX_JOB_ID' },
  { name: 'JSM_NAMESPACE_RANK', partner: 'JSM_NAMESPACE_SIZE with PMIX_NAMESPACE' },
  { name: 'MV2_COMM_WORLD_RANK', partner: 'MPISPAWN_MPIRUN_HOST with MPISPAWN_MPIRUN_ID' },
  { name: 'SLURM_PROCID', partner: undefined },
];

/** Whether this is the first rank, or the only one, as far as the environment tells. */
export function isFirstRank(env: NodeJS.ProcessEnv): boolean {
  const set = RANK_VARIABLES.find(({ name }) => env[name]);
  return set === undefined || env[set.name] === '0';
}
