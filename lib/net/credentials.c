/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is at the other end of a file's Unix socket.
 */
#include "config.h"

#include <errno.h>

#include "file/file.h"
#include "net/credentials.h"
#include "transport/scm.h"

int af_file_peer_credentials(const struct af_file *file, pid_t *ret_pid,
			     uid_t *ret_uid, gid_t *ret_gid)
{
	struct afi_credentials cred;
	int r = afi_file_check(file);

	if (r == 0 && !afi_scm_is_unix(file->fd))
		r = -ENOTSUP;
	if (r == 0)
		r = afi_credentials_of(file->fd, &cred);
	if (r < 0)
		return r;
	if (ret_pid)
		*ret_pid = cred.pid;
	if (ret_uid)
		*ret_uid = cred.uid;
	if (ret_gid)
		*ret_gid = cred.gid;
	return 0;
}
