/* SPDX-License-Identifier: MIT */
/* Loading a plugin: the path's and the file's safety, a look at its ELF headers, its ABI, its entry.
 * A plugin runs with our rights, so only a file that the user named and nobody else can change is loaded. */
#include "internal.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum clade_status unsafe(struct clade_diag *diag, const char *path, const char *rule)
{
	return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_PLUGIN_UNSAFE, path,
			  "%s; a plugin runs with your rights, so nobody else may be able to change it", rule);
}

static bool is_trusted_owner(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

/* Every folder above the file: ours or root's and closed to others, or root's and sticky (as the temporary folder). */
static enum clade_status check_folders(const char *path, struct clade_diag *diag)
{
	char folder[PATH_MAX];
	struct stat info;

	snprintf(folder, sizeof(folder), "%s", path);
	for (;;) {
		char *slash = strrchr(folder, '/');

		if (!slash)
			return CLADE_OK;
		slash[slash == folder] = '\0'; /* the root folder keeps its slash */
		if (stat(folder, &info))
			return clade_fail(diag, CLADE_ERR_IO, CLADE_MSG_IO, folder, "%s", strerror(errno));
		if (!is_trusted_owner(info.st_uid))
			return unsafe(diag, folder, "a folder above the plugin belongs to another user");
		if (info.st_mode & (S_IWGRP | S_IWOTH) && !(info.st_uid == 0 && info.st_mode & S_ISVTX))
			return unsafe(diag, folder, "a folder above the plugin is writable by others");
		if (strcmp(folder, "/") == 0)
			return CLADE_OK;
	}
}

static enum clade_status bad_file(struct clade_diag *diag, const char *path, const char *what)
{
	return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_PLUGIN, path, "%s", what);
}

static bool read_at(int file, void *target, size_t bytes, uint64_t offset)
{
	return offset <= INT64_MAX && pread(file, target, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* The dynamic loader maps segments unchecked: a cut file would kill the process with SIGBUS. So look first. */
static enum clade_status check_elf(int file, uint64_t file_bytes, const char *path, struct clade_diag *diag)
{
	ElfW(Ehdr) header, own;

	if (!read_at(file, &header, sizeof(header), 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return bad_file(diag, path, "this is no shared object (ELF) file");
	/* Our own headers say what fits this process. */
	memset(&own, 0, sizeof(own));
	own.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
#if defined(__x86_64__)
	own.e_machine = EM_X86_64;
#elif defined(__aarch64__)
	own.e_machine = EM_AARCH64;
#endif
	if (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] || (own.e_machine && header.e_machine != own.e_machine))
		return bad_file(diag, path, "it was built for another processor architecture");
	if (header.e_type != ET_DYN)
		return bad_file(diag, path, "it is an ELF file, but not a shared object");
	if (header.e_phentsize != sizeof(ElfW(Phdr)))
		return bad_file(diag, path, "its program headers have an unknown size");
	for (uint64_t i = 0; i < header.e_phnum; i++) {
		ElfW(Phdr) segment;

		if (!read_at(file, &segment, sizeof(segment), header.e_phoff + i * sizeof(segment)))
			return bad_file(diag, path, "it is cut off within its program headers");
		if (segment.p_type == PT_LOAD &&
		    (segment.p_offset > file_bytes || segment.p_filesz > file_bytes - segment.p_offset))
			return bad_file(diag, path, "it is cut off: a segment lies beyond the end of the file");
	}
	return CLADE_OK;
}

static enum clade_status check_file(const char *path, struct clade_diag *diag)
{
	enum clade_status status;
	struct stat info;
	/* Not blocking: opening a FIFO must not wait for a writer. */
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (file < 0)
		return clade_fail(diag, CLADE_ERR_IO, CLADE_MSG_IO, path, "%s", strerror(errno));
	if (fstat(file, &info))
		status = clade_fail(diag, CLADE_ERR_IO, CLADE_MSG_IO, path, "%s", strerror(errno));
	else if (!S_ISREG(info.st_mode))
		status = bad_file(diag, path, "a plugin must be a regular file");
	else if (!is_trusted_owner(info.st_uid))
		status = unsafe(diag, path, "the plugin belongs to another user");
	else if (info.st_mode & (S_IWGRP | S_IWOTH))
		status = unsafe(diag, path, "the plugin is writable by others (chmod go-w)");
	else
		status = check_elf(file, (uint64_t)info.st_size, path, diag);
	close(file);
	return status;
}

/* The entry of an opened plugin, after its ABI was looked at. */
static enum clade_status find_entry(void *handle, const char *path, clade_plugin_entry_fn **out_entry,
				    struct clade_diag *diag)
{
	const uint32_t *abi = dlsym(handle, CLADE_PLUGIN_ABI_SYMBOL);
	void *entry = dlsym(handle, CLADE_PLUGIN_SYMBOL);

	if (!entry || !abi)
		return clade_fail(diag, CLADE_ERR_DATA, CLADE_MSG_PLUGIN, path,
				  "it has no symbol %s; a plugin is begun with CLADE_PLUGIN (clade/host.h)",
				  entry ? CLADE_PLUGIN_ABI_SYMBOL : CLADE_PLUGIN_SYMBOL);
	if (*abi != CLADE_ABI)
		return clade_fail(
			diag, CLADE_ERR_DATA, CLADE_MSG_PLUGIN_ABI, path,
			"it was built for plugin ABI %u; this version has ABI %u; build it against this version's "
			"headers",
			*abi, CLADE_ABI);
	/* ISO C has no cast from an object pointer to a function pointer; POSIX promises that the bits do. */
	memcpy(out_entry, &entry, sizeof(entry));
	return CLADE_OK;
}

static enum clade_status resolve(const char *path, char resolved[PATH_MAX], struct clade_diag *diag)
{
	if (!path || !strchr(path, '/'))
		return clade_fail(diag, CLADE_ERR_USAGE, CLADE_MSG_PLUGIN, path,
				  "a plugin is named by its path, with a slash (./%s); nothing is searched for",
				  path ? path : "FILE");
	if (!realpath(path, resolved))
		return clade_fail(diag, CLADE_ERR_IO, CLADE_MSG_IO, path, "%s", strerror(errno));
	return CLADE_OK;
}

enum clade_status clade_context_load_plugin(struct clade_context *context, const char *path, struct clade_diag *diag)
{
	char resolved[PATH_MAX];
	struct clade_module *module = NULL;
	clade_plugin_entry_fn *entry = NULL;
	enum clade_status status;

	if (!context)
		return clade_fail(diag, CLADE_ERR_ARGUMENT, CLADE_MSG_ARGUMENT, NULL,
				  "clade_context_load_plugin: context is NULL");
	status = resolve(path, resolved, diag);
	if (!status)
		status = check_folders(resolved, diag);
	if (!status)
		status = check_file(resolved, diag);
	if (status)
		return status;
	module = clade_alloc(context, sizeof(*module));
	if (!module)
		return clade_fail_memory(diag, sizeof(*module), "a plugin");
	module->origin = clade_strdup(context, resolved);
	if (!module->origin) {
		status = clade_fail_memory(diag, strlen(resolved) + 1, "a plugin's name");
		goto fail;
	}
	module->handle = dlopen(resolved, RTLD_NOW | RTLD_LOCAL);
	if (!module->handle) {
		const char *reason = dlerror();

		status = bad_file(diag, resolved, reason ? reason : "it cannot be loaded");
		goto fail;
	}
	status = find_entry(module->handle, resolved, &entry, diag);
	if (!status)
		status = clade_registry_run(context, entry, module, diag);
	if (status)
		goto fail;
	clade_log(context, CLADE_LOG_INFO, "plugin", "%s is loaded", resolved);
	return CLADE_OK;
fail:
	if (module->handle)
		dlclose(module->handle);
	clade_free(context, module->origin);
	clade_free(context, module);
	return status;
}
