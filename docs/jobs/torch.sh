#!/bin/bash
# torch.distributed without torchrun; the launcher says who the first rank is: sbatch torch.sh
#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:10:00
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_ADDR MASTER_PORT=29500
# torch reads RANK, WORLD_SIZE and LOCAL_RANK, which Slurm calls otherwise.
# shellcheck disable=SC2016 # the ranks expand it
srun sh -c 'RANK=$SLURM_PROCID WORLD_SIZE=$SLURM_NTASKS LOCAL_RANK=$SLURM_LOCALID exec "$@"' sh \
  python-mpi train.py
