#!/bin/bash
# Flux: flux batch flux.sh
#flux: -N2 -n4 -t 10m
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
flux run -N2 -n4 python-mpi hello.py
