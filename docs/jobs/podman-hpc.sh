#!/bin/bash
# podman-hpc around each rank, under Slurm: sbatch podman-hpc.sh
#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:10:00
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
PYTHON_MPI_SECRET=$(openssl rand -hex 32)
export PYTHON_MPI_SECRET
srun podman-hpc run --rm --env 'SLURM_*' --env 'PYTHON_MPI_*' --network=host --ipc=host \
  --volume "$SCRATCH:$SCRATCH" --workdir "$PWD" image python-mpi hello.py
