// lwIP made as fast as its options allow, for lwip.cc with a loop of its own: what is not said here is lwIP's default.
#pragma once

#define NO_SYS 1  // one thread, and no locks
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_IPV6 0
#define LWIP_ARP 0
#define LWIP_ETHERNET 0
#define LWIP_STATS 0
#define LWIP_NOASSERT

#define MEM_ALIGNMENT 8
#define MEM_LIBC_MALLOC 1  // faster than its own heap; what has one size comes from pools
#define MEMP_NUM_TCP_PCB 12000
#define MEMP_NUM_TCP_PCB_LISTEN 8
#define MEMP_NUM_TCP_SEG 32768
#define MEMP_NUM_PBUF 60000  // counted in 16 bits
#define LWIP_SUPPORT_CUSTOM_PBUF 1

// One segment may be as long as a packet can be; what the MTU and the peer's MSS allow is less.
#define TCP_MSS 65495
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 6
#define TCP_WND (1 << 20)
#define TCP_SND_BUF (512 << 10)
#define TCP_SND_QUEUELEN 16384
#define TCP_WND_UPDATE_THRESHOLD (64 << 10)
#define TCP_QUEUE_OOSEQ 1
#define LWIP_TCP_SACK_OUT 1
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1  // of pools that are not used
#define TCP_LISTEN_BACKLOG 0

// The device does the checksums of TCP where it can: the program says per netif.
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHECKSUM_ON_COPY 0
#define LWIP_NETIF_TX_SINGLE_PBUF 0  // text is sent from where it is
