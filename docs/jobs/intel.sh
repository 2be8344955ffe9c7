#!/bin/bash
# Intel MPI in an allocation of Slurm: sbatch intel.sh
#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:10:00
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
mpiexec.hydra -bootstrap slurm -n 4 -ppn 2 python-mpi hello.py
