#!/bin/bash
# dask-mpi: rank 0 becomes the scheduler, rank 1 goes on with the script, the others work: sbatch dask-mpi.sh
#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:10:00
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
srun --mpi=pmi2 python-mpi client.py # which calls dask_mpi.initialize()
